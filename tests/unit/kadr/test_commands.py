"""Commands that talk to the API: what `kadr ingest` can say of an upload, and what is shown when."""

from typing import Any

import pytest

from core.db.assets import ABOUT
from ingest.bodies.requests import NewUpload
from kadr.arguments import parser
from kadr.cli import upload_options
from kadr.commands.ingest import UploadRequest
from kadr.commands.up_video import Milestones

# The client says these for itself, or has an option of its own for them (UploadRequest).
OF_THE_FILE = {"filename", "size_bytes", "content_type", "sha256"}
ALL = (
    "--profile lecture --codec hevc --effort quality --ladder apple --reframe none --start 1 --end 2 --posters lesson "
    "--subtitles auto --downloads standard --encryption none --metadata course=Algebra --metadata unit=a=b "
    "--allowed-domain example.org --allowed-domain *.example.org --description Clay --tag pottery --tag clay "
    "--no-listed --page-url https://shop.example.org/42 --author Ann --author-url https://ann.example.org/ "
    "--adults-only "
    "--published-at 2026-11-30T12:00:00Z --expires-at 2027-11-30T12:00:00Z"
)


def test_every_field_of_an_upload_has_an_option(tmp_path: Any) -> None:
    image = tmp_path / "logo.png"
    image.write_bytes(b"\x89PNG")
    args = parser().parse_args(["ingest", "a.mp4", "--watermark", str(image), *ALL.split()])
    options = upload_options(args)
    own = set(UploadRequest.__dataclass_fields__) - {"options"}
    assert set(NewUpload.model_fields) == OF_THE_FILE | own | set(options)
    body = NewUpload.model_validate({"filename": "a.mp4", "size_bytes": 1, **options})
    assert body.allowed_domains == ["example.org", "*.example.org"]
    assert (body.listed, body.family_friendly, body.tags) == (False, False, ["pottery", "clay"])
    assert (body.posters, body.metadata) == ("lecture", {"course": "Algebra", "unit": "a=b"})


def test_what_is_not_said_is_left_to_the_server() -> None:
    options = upload_options(parser().parse_args(["ingest", "a.mp4"]))
    assert options.keys().isdisjoint(
        {"posters", "subtitles", "downloads", "encryption", "metadata", "watermark", "allowed_domains", *ABOUT}
    )


@pytest.mark.parametrize("word", ["course", "=x", ""])
def test_metadata_has_a_name_and_a_value(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["ingest", "a.mp4", "--metadata", word])
    assert "is not NAME=VALUE" in capsys.readouterr().err


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("kadr ")


def test_where_to_watch_is_said_once_and_as_soon_as_it_plays() -> None:
    shown: list[str] = []
    announced: list[str] = []
    milestones = Milestones(show=shown.append, announce=announced.append, clock=lambda: 0.0)
    asset = {"status": "processing", "playback_url": None, "watch_url": None, "renditions": []}
    playable = {
        **asset,
        "status": "playable",
        "playback_url": "https://o/play/pb_1",
        "watch_url": "https://o/watch/pb_1",
    }
    milestones.follow(asset)
    assert announced == []
    milestones.follow(playable)
    milestones.follow({**playable, "status": "ready"})
    assert announced == ["You can watch it now: https://o/watch/pb_1"]
    assert [line.split(" after")[0] for line in shown] == ["uploaded", "playable", "ready"]
