"""Forms and words of the studio's pages about webhooks."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from core.db.webhook_deliveries import Attempt, Delivery, DeliveryState
from core.db.webhook_endpoints import Disabled, Endpoint
from core.event_types import EVENT_TYPES
from core.model import AssetId
from ingest.bodies.webhooks import NewWebhookEndpoint, Redelivery
from ingest.studio import webhook_form, webhook_words
from studio.texts import LANGUAGES, catalogue, text_in
from tests.checks import ROOT

EN, RU = text_in("en"), text_in("ru")
NOW = datetime(2026, 7, 4, 12, 30, tzinfo=UTC)
URL = "https://shop.example/webhooks"


def endpoint(**more: object) -> Endpoint:
    known: dict[str, object] = {
        **{"id": "we_1", "url": URL, "types": ("*",), "description": "", "disabled": None, "failing_since": None},
        **{"throttled_until": None, "created_at": NOW, "secrets": (), "pending": 0, "dead": 0},
    }
    return Endpoint(**(known | more))  # type: ignore[arg-type]


def delivery(state: DeliveryState, attempts: int, due_at: datetime, last: Attempt | None) -> Delivery:
    return Delivery(
        number=7,
        event_id="ev_1",
        asset_id=AssetId("as_1"),
        type="video.track.ready",
        object_type="track",
        object_id="tr_1",
        state=state,
        attempts=attempts,
        created_at=NOW,
        due_at=due_at,
        delivered_at=None,
        last=last,
    )


def attempt(status: int | None, error: str | None) -> Attempt:
    return Attempt(at=NOW, duration_ms=1204, status=status, error=error, answer="")


def test_all_events_are_all_whatever_else_is_chosen() -> None:
    form = {"url": [f" {URL} "], "types": ["*", "video.asset.ready"], "description": ["Orders "]}
    made = NewWebhookEndpoint.model_validate(webhook_form.settings(form))
    assert (made.url, made.types, made.description) == (URL, ["*"], "Orders")


def test_events_one_by_one() -> None:
    types = ["video.asset.ready", "video.track.ready"]
    made = NewWebhookEndpoint.model_validate(webhook_form.settings({"url": [URL], "types": types}))
    assert (made.types, made.description) == (types, "")


@pytest.mark.parametrize(("form", "field"), [({"url": [URL]}, "types"), ({"types": ["*"]}, "url")])
def test_an_endpoint_has_a_url_and_events(form: dict[str, list[str]], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        NewWebhookEndpoint.model_validate(webhook_form.settings(form))
    assert [error["loc"][0] for error in refused.value.errors()] == [field]


@pytest.mark.parametrize("written", ["2026-07-04T12:30", "2026-07-04T12:30:00Z", "2026-07-04T14:30:00+02:00"])
def test_what_has_no_zone_is_by_utc(written: str) -> None:
    assert Redelivery.model_validate(webhook_form.redelivery({"from": [written]})).from_ == NOW


def test_all_that_is_dead() -> None:
    assert Redelivery.model_validate(webhook_form.redelivery({"dead": ["true"]})).dead


@pytest.mark.parametrize("written", ["", "yesterday", "2026-07-04T25:00"])
def test_no_time(written: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Redelivery.model_validate(webhook_form.redelivery({"from": [written]}))
    assert refused.value.errors()[0]["loc"] == ("from",)


def test_a_form_keeps_what_the_endpoint_has() -> None:
    """Its events by object; patterns of the API are checkboxes of their own, and a test needs none."""
    groups = webhook_form.groups(("video.asset.*", "video.track.ready"), EN)
    assert [group.name for group in groups] == [
        *("Several at once", "Upload", "Video", "Captions or audio track", "Webhook")
    ]
    chosen = [one.value for group in groups for one in group.choices if one.is_chosen]
    assert chosen == ["video.asset.*", "video.track.ready"]
    assert groups[0].choices[0].words == "All that begin with video.asset."
    offered = {one.value for group in groups[1:] for one in group.choices}
    assert offered == EVENT_TYPES.keys() - {"webhook_endpoint.test"}


def test_events_of_an_endpoint() -> None:
    assert webhook_form.events(("*",), EN) == EN("webhooks.all")
    names = ["video.asset.ready", "video.asset.errored", "video.asset.deleted", "video.track.ready"]
    assert webhook_form.events(names, EN) == "Video ready · Video failed · Video deleted · 1 more"
    assert webhook_form.events(names[:1], RU) == "Видео готово"


LATER, BEFORE = NOW + timedelta(hours=1), NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("found", "standing", "facts"),
    [
        (endpoint(), "on", []),
        (endpoint(pending=2), "on", ["waiting: 2"]),
        (endpoint(failing_since=BEFORE, dead=3), "failing", ["not delivered: 3", "failing since 2026-07-04 11:30:00"]),
        (
            endpoint(throttled_until=LATER),
            "paused",
            ["paused until 2026-07-04 13:30:00, as your server has asked"],
        ),
        (endpoint(throttled_until=BEFORE), "on", []),
        (endpoint(disabled=Disabled.OWNER), "off", ["switched off by you"]),
    ],
)
def test_how_an_endpoint_stands(found: Endpoint, standing: str, facts: list[str]) -> None:
    shown = webhook_words.endpoint(found, NOW, EN)
    assert (shown.standing, shown.facts, shown.is_on) == (standing, facts, found.disabled is None)


@pytest.mark.parametrize(
    ("state", "attempts", "due_at", "last", "facts", "is_awaited"),
    [
        (DeliveryState.PENDING, 0, NOW, None, ["attempts: 0"], True),
        (
            DeliveryState.PENDING,
            3,
            LATER,
            attempt(500, "status"),
            ["attempts: 3", "refused with 500 in 1.2 s", "next attempt 2026-07-04 13:30:00"],
            False,
        ),
        (
            DeliveryState.DELIVERED,
            1,
            NOW,
            attempt(204, None),
            ["attempts: 1", "answered 204 in 1.2 s"],
            False,
        ),
        (DeliveryState.DEAD, 10, NOW, attempt(None, "timeout"), ["attempts: 10", "no answer within 1.2 s"], False),
    ],
)
def test_a_delivery_in_words(
    state: DeliveryState, attempts: int, due_at: datetime, last: Attempt | None, facts: list[str], is_awaited: bool
) -> None:
    row = webhook_words.row(delivery(state, attempts, due_at, last), NOW, "en", EN)
    assert (row.event, row.about, row.asset_id, row.at) == (
        *("Track ready", "Captions or audio track"),
        *("as_1", "2026-07-04 12:30:00"),
    )
    assert (row.state, row.facts, row.is_awaited) == (state.value, facts, is_awaited)


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_that_can_happen_has_words(language: str) -> None:
    known = catalogue(language).keys()
    sender = (ROOT / "workers" / "dispatcher" / "send.py").read_text("utf-8")
    errors = set(re.findall(r'(?:return|error =|else|if) "([a-z_]+)"', sender)) | {"redirect", "taken"}
    assert len(errors) >= 9
    wanted = {
        *(f"webhooks.answer.{error}" for error in errors),
        *(f"webhooks.off.{reason}" for reason in Disabled),
        *(f"webhooks.state.{state}" for state in DeliveryState),
        *(f"webhooks.standing.{standing}" for standing in ("on", "off", "failing", "paused")),
        *(f"event.{name}" for name in EVENT_TYPES),
        *(f"webhooks.object.{event.object_type}" for event in EVENT_TYPES.values()),
    }
    assert wanted <= known
    assert {key for key in known if key.startswith("event.")} <= wanted
