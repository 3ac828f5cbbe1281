"""What an upload token may do: five calls, for its origins, with what its owner has settled."""

from typing import Any

import pytest
from pydantic import SecretStr

from core.db.upload_tokens import Terms
from core.http.problems import Problem
from core.model import Policy
from core.settings import Settings
from ingest.app import create
from ingest.bodies.fields import ref_pair
from ingest.bodies.requests import NewUpload
from ingest.upload_token_scope import CALLS, PATHS, allows, cors, methods_of, preflight, settled

OPEN = Terms(title=None, ref=None, policy=Policy.PUBLIC, language=None, origins=(), max_size_bytes=None)
FULL = Terms(
    title="Clip",
    ref=("product", "42"),
    policy=Policy.SIGNED,
    language="en",
    origins=("https://shop.example.org",),
    max_size_bytes=1000,
)
FILE = {"filename": "a.mp4", "size_bytes": 1000}


def upload(**more: Any) -> NewUpload:
    return NewUpload.model_validate({**FILE, **more})


def test_five_calls_of_all_there_are() -> None:
    app = create(Settings(playback_keys=SecretStr(f"k1:{'ab' * 32}")))
    routes = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource}
    assert len(routes) > 60
    assert {call for call in routes if allows(*call)} == CALLS
    assert {path for method, path in routes if method == "OPTIONS"} == set(PATHS)
    assert sorted(CALLS) == [
        ("DELETE", "/v1/uploads/{upload_id}"),
        ("GET", "/v1/assets/{asset_id}"),
        ("GET", "/v1/uploads/{upload_id}"),
        ("POST", "/v1/uploads"),
        ("POST", "/v1/uploads/{upload_id}/complete"),
    ]


def test_no_answer_is_for_every_page_or_for_cookies() -> None:
    answers = [cors("https://a.example"), preflight("https://a.example", "/v1/uploads/{upload_id}")]
    assert [one["Access-Control-Allow-Origin"] for one in answers] == ["https://a.example"] * 2
    assert [one["Vary"] for one in answers] == ["Origin"] * 2
    assert "Access-Control-Allow-Credentials" not in {**answers[0], **answers[1]}
    assert answers[1]["Access-Control-Allow-Methods"] == "DELETE, GET"
    assert methods_of("/v1/assets") == ()


def test_what_the_token_settles_is_taken_over() -> None:
    body = settled(upload(), FULL)
    assert (body.title, ref_pair(body.ref), body.policy, body.language) == (
        "Clip",
        ("product", "42"),
        "signed",
        "en",
    )
    same = {"title": "Clip", "ref": "product:42", "policy": "signed", "language": "en"}
    assert settled(upload(**same), FULL).model_dump() == body.model_dump()


def test_what_the_token_leaves_open_the_page_says() -> None:
    body = settled(upload(title="Mine", language="ru", profile="lecture", clip={"start_s": 1}), OPEN)
    assert (body.title, body.language, body.profile, body.clip.start_s if body.clip else None) == (
        "Mine",
        "ru",
        "lecture",
        1,
    )
    assert (body.ref, body.policy) == (None, "public")


@pytest.mark.parametrize(
    ("terms", "field", "value"),
    [
        (FULL, "title", "Other"),
        (FULL, "ref", "product:43"),
        (FULL, "policy", "public"),
        (FULL, "language", "ru"),
        (OPEN, "ref", "product:42"),
        (OPEN, "policy", "signed"),
        (OPEN, "metadata", {"course": "Algebra"}),
        (OPEN, "allowed_domains", ["evil.example"]),
        (OPEN, "effort", "quality"),
        (OPEN, "codec", "av1"),
        (OPEN, "encryption", "aes-128"),
        (OPEN, "downloads", "standard"),
        (OPEN, "watermark", {"image": "aaaa"}),
    ],
)
def test_what_a_page_may_not_say(terms: Terms, field: str, value: Any) -> None:
    with pytest.raises(Problem) as refused:
        settled(upload(**{field: value}), terms)
    assert (refused.value.status, refused.value.code) == (422, "upload_token_field")
    assert refused.value.pointer == f"/{field}"


def test_null_says_nothing() -> None:
    assert settled(upload(ref=None, title=None, watermark=None), FULL).title == "Clip"


def test_the_largest_size() -> None:
    assert settled(upload(size_bytes=1000), FULL).size_bytes == 1000
    with pytest.raises(Problem) as refused:
        settled(upload(size_bytes=1001), FULL)
    assert (refused.value.status, refused.value.code, refused.value.pointer) == (422, "too_large", "/size_bytes")
