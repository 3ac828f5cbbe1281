"""Lines and files of the logs of CDNs: what counts, what is named, and which part of a file is new."""

import hashlib
import os
from datetime import date
from pathlib import Path

import pytest

from core.db.usage import Counted, LogFile
from core.errors import KadrError
from kadr.delivery_logs import reader
from kadr.delivery_logs.formats import Bunny, CloudFront, Delivery, MalformedLine
from kadr.delivery_logs.reader import Result
from tests.delivery_logs import (
    ASSET,
    CHOSEN_FIELDS,
    CLOUDFRONT_FIELDS,
    OTHER,
    bunny,
    cloudfront,
    header,
    media_path,
    write,
)

DAY = date(2026, 11, 28)


def cloudfront_reader(fields: tuple[str, ...] | list[str] = CLOUDFRONT_FIELDS) -> CloudFront:
    made = CloudFront()
    for line in header(fields):
        made.comment(line)
    return made


@pytest.mark.parametrize("fields", [CLOUDFRONT_FIELDS, CHOSEN_FIELDS, [*CLOUDFRONT_FIELDS, "new-field"]])
def test_cloudfront_by_the_order_that_its_header_names(fields: list[str]) -> None:
    line = cloudfront(media_path(), 1234, fields=fields)
    wanted = Delivery(day=DAY, bytes=1234, is_error=False, asset_id=ASSET)
    assert cloudfront_reader(fields).delivery(line) == wanted


@pytest.mark.parametrize(
    ("path", "asset"),
    [
        (media_path(), ASSET),
        (f"/bcdn_token=abc&expires=1&token_path=%2F/{media_path()[1:]}", ASSET),
        (media_path().replace("/", "%2F"), ASSET),
        (f"/s/kid.1.ff{media_path(OTHER)}", OTHER),
        ("/v/as_x", ""),
        (media_path("as_" + "a" * 8_000), ""),
        ("/play/pb_1/index.m3u8", ""),
        ("/", ""),
    ],
)
def test_the_asset_is_what_the_path_names(path: str, asset: str) -> None:
    assert cloudfront_reader().delivery(cloudfront(path, 1)).asset_id == asset
    assert Bunny().delivery(bunny(f"https://cdn.example.net{path}", 1)).asset_id == asset


def test_all_that_is_billed_counts() -> None:
    read = cloudfront_reader()
    assert read.delivery(cloudfront(media_path(), 400, method="HEAD")).bytes == 400
    assert read.delivery(cloudfront(media_path(), 0, status="000")) == Delivery(
        day=DAY, bytes=0, is_error=False, asset_id=ASSET
    ), "the viewer has left"
    assert Bunny().delivery(bunny("https://cdn.example.net/robots.txt", 99, status="404")) == Delivery(
        day=DAY, bytes=99, is_error=True, asset_id=""
    )


def test_a_bar_in_a_user_agent_costs_the_asset_and_no_byte() -> None:
    line = bunny(f"https://cdn.example.net{media_path()}", 77, agent="strange | agent")
    assert Bunny().delivery(line) == Delivery(day=DAY, bytes=77, is_error=False, asset_id="")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (cloudfront(media_path(), "-"), "no number of bytes"),
        (cloudfront(media_path(), "-5"), "no number of bytes"),
        (cloudfront(media_path(), "١"), "no number of bytes"),
        (cloudfront(media_path(), 1, status="-"), "no status"),
        (cloudfront(media_path(), 1, status="9" * 5_000), "no status"),
        (cloudfront(media_path(), "9" * 5_000), "no number of bytes"),
        (cloudfront(media_path(), 10**12 + 1), "no number of bytes"),
        (cloudfront(media_path(), 1, day="28.11.2026"), "time"),
        (cloudfront(media_path(), 1, day="1999-01-01"), "1999"),
        (cloudfront(media_path(), 1) + "\tmore", "34 fields"),
        ("2026-11-28\t01:42", "2 fields"),
    ],
)
def test_malformed_lines_of_cloudfront(line: str, reason: str) -> None:
    with pytest.raises(MalformedLine, match=reason):
        cloudfront_reader().delivery(line)


@pytest.mark.parametrize("missing", ["sc-bytes", "cs-uri-stem", "sc-status", "date"])
def test_a_header_without_a_field_that_is_needed(missing: str) -> None:
    fields = [name for name in CLOUDFRONT_FIELDS if name != missing]
    with pytest.raises(MalformedLine, match=missing):
        cloudfront_reader(fields).delivery(cloudfront(media_path(), 1, fields=fields))
    with pytest.raises(MalformedLine, match="#Fields"):
        CloudFront().delivery(cloudfront(media_path(), 1))


@pytest.mark.parametrize(
    "line",
    [
        bunny("https://cdn.example.net/", "x"),
        bunny("https://cdn.example.net/", 1, ms="1e400"),
        bunny("https://cdn.example.net/", 1, ms="9" * 30),
        bunny("https://cdn.example.net/", 1, status="OK"),
        "HIT|200|1795829959123|5",
    ],
)
def test_malformed_lines_of_bunny(line: str) -> None:
    with pytest.raises(MalformedLine):
        Bunny().delivery(line)


def counted(log: LogFile, of: LogFile) -> Counted:
    return Counted(
        digest=log.digest, size_bytes=log.size_bytes, same_head=log.head == of.head, same_tail=log.tail == of.tail
    )


LINES = [bunny("https://cdn.example.net/", number, number=number) for number in range(10)]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("before", "new"),
    [
        ([], (0, 10)),
        ([LINES[:4]], (4, 10)),
        ([LINES[:4], LINES[:7]], (7, 10)),
        ([LINES[6:]], (0, 6)),
        ([LINES[:3], LINES[8:]], (3, 8)),
        ([LINES[:9], LINES[3:]], (9, 9)),
        ([[LINES[0], *LINES[2:5]]], (0, 10)),
        ([LINES[2:5]], (0, 10)),
        ([LINES], (10, 10)),
    ],
)
def test_of_a_file_that_has_grown_only_what_is_new(
    tmp_path: Path, before: list[list[str]], new: tuple[int, int], packed: bool
) -> None:
    path = write(tmp_path / "new.log", LINES, packed=packed)
    log = reader.described(path)
    known = [reader.described(write(tmp_path / f"{number}.log", lines)) for number, lines in enumerate(before)]
    span = reader.uncounted(path, log, [counted(one, log) for one in known])
    result = Result()
    found = sum(tally.bytes for part in reader.tallied(path, Bunny(), span, result) for tally in part.values())
    assert found == sum(range(*new))
    assert (result.requests, result.malformed) == (new[1] - new[0], 0)


@pytest.mark.parametrize(
    "before", [[*LINES, "later"], ["earlier", *LINES], [*LINES[:4], *LINES[5:]], [LINES[0], "between"], LINES[8:0:-1]]
)
def test_a_copy_of_before_of_a_log_that_grows_is_refused(tmp_path: Path, before: list[str]) -> None:
    path = write(tmp_path / "new.log", LINES if before[0] != LINES[8] else [LINES[8], LINES[7]])
    log = reader.described(path)
    known = counted(reader.described(write(tmp_path / "known.log", before)), log)
    with pytest.raises(KadrError, match="counted from another copy of this log"):
        reader.uncounted(path, log, [known], grows=True)


def test_a_log_that_grows_at_an_end_is_not_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "new.log", LINES)
    log = reader.described(path)
    parts = (LINES[:3], LINES[:5], LINES[8:], LINES[:6])
    known = [counted(reader.described(write(tmp_path / str(number), part)), log) for number, part in enumerate(parts)]
    begin, end = reader.uncounted(path, log, known, grows=True)
    assert path.read_bytes()[begin:end].decode().split("\n")[:-1] == LINES[6:8]


def test_where_a_log_ends_that_stands_in_another_file(tmp_path: Path) -> None:
    path = write(tmp_path / "joined.log", ["#a comment", *LINES])
    begin = len("#a comment\n" + LINES[0] + "\n")
    parts = [reader.described(write(tmp_path / str(n), LINES[1:end])) for n, end in enumerate((3, 6))]
    other = reader.described(write(tmp_path / "other", [LINES[1], LINES[4]]))
    known = [counted(part, other) for part in (*parts, other)]
    assert reader.head_at(path, begin) == parts[0].head
    assert reader.continued(path, begin, known) == begin + parts[1].size_bytes
    assert reader.continued(path, begin, known[2:]) == reader.continued(path, begin, []) == begin
    assert reader.head_at(path, path.stat().st_size) is None


def test_a_pipe_is_refused_as_it_can_be_read_only_once(tmp_path: Path) -> None:
    read, written = os.pipe()
    with os.fdopen(read), os.fdopen(written, "wb") as pipe:
        pipe.write(("\n".join(LINES) + "\n").encode())
        with pytest.raises(KadrError, match="is no file; what comes from a pipe"):
            reader.described(Path(f"/dev/fd/{read}"))


def test_a_file_is_told_by_its_whole_lines(tmp_path: Path) -> None:
    plain = reader.described(write(tmp_path / "a", LINES))
    assert plain.digest == hashlib.sha256(("\n".join(LINES) + "\n").encode()).digest()
    assert reader.described(write(tmp_path / "b", LINES, packed=True)) == plain
    assert reader.described(write(tmp_path / "c", [*LINES, "HIT|200|17958"], end="")) == plain
    assert reader.described(write(tmp_path / "d", LINES[:9])).digest != plain.digest


def test_what_cannot_be_counted_is_named(tmp_path: Path) -> None:
    lines = [
        *header(),
        cloudfront(media_path(), 5),
        "nonsense",
        cloudfront(media_path(), "x"),
        "x" * 600_000,
        "cut off",
    ]
    path = write(tmp_path / "a.log", lines, end="")
    result = Result()
    parts = list(reader.tallied(path, CloudFront(), (0, reader.described(path).size_bytes), result))
    assert [tally.bytes for part in parts for tally in part.values()] == [5]
    assert (result.requests, result.bytes, result.malformed) == (1, 5, 4)
    assert [number for number, _ in result.named] == [4, 5, 6, 7]
    assert "no end" in result.named[-1][1]


def test_memory_is_bounded_by_handing_on_what_was_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST_TALLIES", 3)
    lines = [bunny(f"https://cdn.example.net{media_path(f'as_{number}')}", 1, number=number) for number in range(8)]
    path = write(tmp_path / "a.log", lines)
    parts = list(reader.tallied(path, Bunny(), (0, reader.described(path).size_bytes), Result()))
    assert [len(part) for part in parts] == [3, 3, 2]


@pytest.mark.parametrize("content", [b"", b"#Version: 1.0\n#Fields: date\n", b"no end"])
def test_a_file_without_a_request(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.log").write_bytes(content)
    with pytest.raises(KadrError, match="no whole line"):
        reader.described(tmp_path / "a.log")


def test_a_file_that_is_cut_off_or_damaged(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log.gz", LINES, packed=True)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(KadrError, match="nothing of it was counted"):
        reader.described(path)
    with pytest.raises(KadrError, match="cannot be read"):
        reader.described(tmp_path / "missing.log")
