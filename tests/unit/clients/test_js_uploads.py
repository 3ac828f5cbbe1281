"""kadr-node sends files: in parallel, over failures of storage, and on after the program was killed."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from core.model import UploadStatus
from tests import js_package, waiting
from tests.js_package import run, started
from tests.part_store import DROP, HOLD, PART_BYTES, PartStore, serving

pytestmark = js_package.needed
FILE = """
const seen = [];
const onProgress = ({ sentBytes, sizeBytes }) => seen.push([sentBytes, sizeBytes]);
const send = (fields, options) => kadr.uploads.file(process.argv[2], fields, { onProgress, ...options });
"""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Five parts, the last one shorter; no two alike."""
    file = tmp_path / "урок 1.mp4"
    file.write_bytes(random.Random(1).randbytes(4 * PART_BYTES + 1234))
    return file


def env(store: PartStore) -> dict[str, str]:
    return {"KADR_API_URL": store.url, "KADR_API_KEY": "k"}


async def told(folder: Path, store: PartStore, film: Path, code: str) -> list[Any]:
    return await run(folder, FILE + code, str(film), **env(store))


async def test_a_file_arrives_whole_in_several_parts_at_once(folder_with_package: Path, film: Path) -> None:
    async with serving(PartStore()) as store:
        code = 'say(await send({ title: "A", policy: "signed" })); say(seen);'
        upload, seen = await told(folder_with_package, store, film, code)
    size = film.stat().st_size
    assert store.content == film.read_bytes()
    assert store.body == {"filename": "урок 1.mp4", "size_bytes": size, "title": "A", "policy": "signed"}
    assert (upload["status"], upload["asset_id"]) == ("completed", "as_1")
    assert 1 < store.most_under_way <= 4
    assert sorted(store.calls) == ["complete", "create /v1/uploads", *(f"put {n}" for n in range(1, 6)), "show 1"]
    assert seen == sorted(seen)
    assert seen[0] == [0, size]
    assert seen[-1] == [size, size]
    assert len(seen) > 5


async def test_storage_that_fails_for_a_while(folder_with_package: Path, film: Path) -> None:
    """Part 1: the connection breaks, then it is busy. Part 2: its URL has expired. Only these are sent again."""
    failures = {(1, 1): DROP, (1, 2): 503, (1, 3): 500, (2, 1): 403}
    async with serving(PartStore(on_put=lambda number, tries: failures.get((number, tries)))) as store:
        (seen,) = await told(folder_with_package, store, film, "await send({}); say(seen);")
    assert store.content == film.read_bytes()
    assert store.tries == {1: 4, 2: 2, 3: 1, 4: 1, 5: 1}
    assert sorted(call for call in store.calls if call.startswith("show")) == ["show 1", "show 2"]
    assert seen == sorted(seen), "what is sent again is not counted again"


async def test_urls_come_a_few_at_a_time(folder_with_package: Path, film: Path) -> None:
    async with serving(PartStore(urls_at_once=2)) as store:
        await told(folder_with_package, store, film, "await send({}, { atOnce: 1 });")
    assert store.content == film.read_bytes()
    assert [call for call in store.calls if call.startswith("show")] == ["show 1", "show 3", "show 5"]


async def test_storage_that_refuses(folder_with_package: Path, film: Path) -> None:
    """A fresh URL is refused as well; what is under way is given up, and nothing is completed."""
    async with serving(PartStore(on_put=lambda number, tries: 403 if number == 1 else HOLD)) as store:
        (error,) = await told(folder_with_package, store, film, "say(await failure(() => send({}, { atOnce: 2 })));")
    assert (error["code"], error["status"]) == ("storage_refused", 403)
    assert error["detail"] == "Storage answered 403 AccessDenied to part 1."
    assert store.tries == {1: 2, 2: 1}
    assert "complete" not in store.calls


async def test_storage_that_never_answers(folder_with_package: Path, film: Path) -> None:
    """URLs may be of no use any more: fresh ones are asked for after every third failure."""
    async with serving(PartStore(on_put=lambda number, tries: DROP)) as store:
        (error,) = await told(folder_with_package, store, film, "say(await failure(() => send({}, { atOnce: 1 })));")
    assert error["code"] == "no_answer"
    assert store.tries == {1: 8}
    assert store.calls.count("show 1") == 3


async def test_what_storage_has_lost_is_sent_again(folder_with_package: Path, film: Path) -> None:
    async with serving(PartStore(lost_at_completion=[2, 4])) as store:
        await told(folder_with_package, store, film, "await send({});")
    assert store.content == film.read_bytes()
    assert store.tries == {1: 1, 2: 2, 3: 1, 4: 2, 5: 1}
    assert store.calls[-1] == "complete"


async def test_a_program_that_was_killed_is_gone_on_with(folder_with_package: Path, film: Path) -> None:
    """By what it has kept: what has arrived is not sent again. Once all is done, nothing is."""
    state = film.with_suffix(".json")
    keep = """
      import { writeFileSync, readFileSync } from "node:fs";
      await send({}, { atOnce: 1, onBegun: (begun) => writeFileSync(process.argv[3], JSON.stringify(begun)) });
    """
    go_on = """
      import { readFileSync } from "node:fs";
      const begun = JSON.parse(readFileSync(process.argv[3]));
      for (const _ of "12") say((await kadr.uploads.finish(begun, { onProgress })).status);
      say(seen[0]);
    """
    async with serving(PartStore(on_put=lambda number, tries: DROP if number == 3 else None)) as store:
        program = await started(folder_with_package, FILE + keep, str(film), str(state), **env(store))

        async def tries_of_third() -> int:
            return store.tries.get(3, 0)

        await waiting.until(tries_of_third)
        program.kill()
        await program.wait()
        assert set(store.parts) == {1, 2}
        store.on_put = lambda number, tries: None
        store.calls.clear()
        told = await run(folder_with_package, FILE + go_on, str(film), str(state), **env(store))
    assert told == ["completed", "completed", [2 * PART_BYTES, film.stat().st_size]]
    assert store.content == film.read_bytes()
    assert sorted(store.calls) == ["complete", "put 3", "put 4", "put 5", "show 1", "show 1"]
    assert json.loads(state.read_text())["path"] == str(film)


async def test_a_file_that_has_changed_is_refused(folder_with_package: Path, film: Path) -> None:
    """Before anything is sent, and where it happens on the way, before the upload is completed."""
    code = """
      import { appendFileSync, renameSync, utimesSync } from "node:fs";
      const [, , path] = process.argv;
      const begun = await kadr.uploads.begin(path);
      utimesSync(path, 1, 1);
      say((await failure(() => kadr.uploads.finish(begun, { onProgress }))).code);
      say(seen);
      let done = false;
      const grow = () => done || (appendFileSync(path, "x"), (done = true));
      say((await failure(() => send({}, { onProgress: grow }))).code);
      renameSync(path, path + ".old");
      say((await failure(() => kadr.uploads.finish(begun))).code);
      say((await failure(() => kadr.uploads.begin(path))).code);
    """
    async with serving(PartStore()) as store:
        told_ = await told(folder_with_package, store, film, code)
    assert told_ == ["file_changed", [], "file_changed", "file_changed", "ENOENT"]
    assert "complete" not in store.calls


async def test_a_file_that_is_cut_while_it_is_sent(folder_with_package: Path, film: Path) -> None:
    code = """
      import { truncateSync } from "node:fs";
      const cut = ({ sentBytes }) => sentBytes > 0 && truncateSync(process.argv[2], 1000);
      say((await failure(() => send({}, { onProgress: cut, atOnce: 1 }))).code);
    """
    async with serving(PartStore()) as store:
        assert await told(folder_with_package, store, film, code) == ["file_changed"]


async def test_uploads_that_end_otherwise(folder_with_package: Path, film: Path) -> None:
    """Expired; stopped by a signal; a listener that throws; an empty file. Each fails with its own error."""
    code = """
      import { writeFileSync } from "node:fs";
      const stop = new AbortController();
      say((await failure(() => send({}, { signal: stop.signal, onProgress: () => stop.abort() }))).name);
      const oops = () => { throw new RangeError("mine"); };
      say((await failure(() => send({}, { onProgress: oops }))).name);
      let calls = 0;
      say((await failure(() => send({}, { onProgress: () => (calls += 1) > 1 && oops() }))).name);
      await send({}, { asset: "as_7" });
      writeFileSync(process.argv[2], "");
      say((await failure(() => send({}))).code);
    """
    async with serving(PartStore()) as store:
        assert await told(folder_with_package, store, film, code) == [
            "AbortError",
            "RangeError",
            "RangeError",
            "empty_file",
        ]
        assert store.calls.count("create /v1/assets/as_7/source") == 1
    film.write_bytes(b"x")
    async with serving(PartStore(status=UploadStatus.EXPIRED)) as store:
        (error,) = await told(folder_with_package, store, film, "say(await failure(() => send({})));")
    assert (error["code"], error["hint"]) == ("upload_expired", "Begin a new upload.")
