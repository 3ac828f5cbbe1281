"""Garbage on a real PostgreSQL and a real store: what anybody may still need is never deleted, and all else is.

A title goes through random changes while time passes in jumps: the times in the database are moved back. After each
change it is written down what is needed then, read as the code reads it: the files of the live revision, the texts of
its tracks, its pictures, what steps under way were given. All of it has to be in storage for as long as a session may
run, whatever was collected meanwhile; and in the end nothing else is left.
"""

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr

from core.db import assets, garbage, pictures, postgres, publication, steps, tracks
from core.db.pictures import Album, Candidate, Image, Poster
from core.db.postgres import Pool
from core.db.publication import TitleRows
from core.db.tracks import TrackKind
from core.errors import Rejected, Transient
from core.media.encoded import Blob, Encoded
from core.model import AssetId, RevisionId, StepKind, new_id
from core.retention import longest_session_s
from core.settings import GIB, Settings
from core.storage import keys, s3
from core.storage.artifact_store import ArtifactStore
from core.storage.s3 import Storage
from packager.revision import build_revision, manifest_from_bytes, summary
from tests import lone
from tests.database import new_asset, until_waiting
from tests.renditions import rendition
from tests.stack import Stack
from workers.engine.collector import Collector
from workers.engine.sources import Sources

HOUR = 3600
SETTINGS = Settings(renewal_s=24 * HOUR)
WAIT_S = longest_session_s(SETTINGS)
JSON = "application/json"


class HalfAStore:
    """A store whose process dies in the middle of a deletion."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    async def delete_all(self, bucket: str, doomed: list[str]) -> None:
        await self._storage.delete_all(bucket, doomed[: len(doomed) // 2])
        raise Transient("killed")


@dataclass
class Title:
    """An asset that is changed as the code changes it, and what was needed of it at which time."""

    pool: Pool
    storage: Storage
    settings: Settings
    asset_id: AssetId
    now_s: float = 0.0
    needed: list[tuple[float, frozenset[str]]] = field(default_factory=list)
    run: dict[str, str] | None = None
    runs: int = 0
    last_end: str = ""

    @property
    def artifacts(self) -> ArtifactStore:
        return ArtifactStore(storage=self.storage, bucket=self.settings.media_bucket)

    async def put(self, text: str) -> Blob:
        return await self.artifacts.put(self.asset_id, text.encode(), "text/plain")

    async def put_json(self, value: Any) -> str:
        return (await self.artifacts.put(self.asset_id, json.dumps(value).encode(), JSON)).sha256

    async def add_step(self, kind: StepKind, value: dict[str, Any], state: str = "done", output: Any = None) -> str:
        async with self.pool.acquire() as connection:
            step = await steps.insert(connection, self.asset_id, kind, {**value, "nonce": new_id("n")})
        assert step is not None
        ended = "finished_at = clock_timestamp()," if state != "queued" else ""
        await self.pool.execute(f"UPDATE steps SET {ended} state = $2, output = $3 WHERE id = $1", step, state, output)
        return step

    # --- a run: an upload (or a reprocess of the one before), its provisional revision, its end

    async def begin(self, upload: str) -> None:
        """A source arrives, is planned, and can be watched while it is encoded."""
        if self.run is not None:
            return
        self.runs += 1
        body = f"source {upload}".encode()
        sha256 = hashlib.sha256(body).hexdigest()
        async with self.pool.acquire() as connection, connection.transaction():
            await assets.under_way(connection, self.asset_id)
        run = await self.add_step(StepKind.ACCEPT, {})
        key = keys.source(self.asset_id, sha256)
        await self.storage.put(self.settings.media_bucket, key, body, JSON)
        async with self.pool.acquire() as connection, connection.transaction():
            await assets.accepted(connection, self.asset_id, key, sha256, len(body))
        index = await self.put_json(["index", upload])
        await self.add_step(StepKind.PROBE, {"run": run, "source": sha256}, output={"index": index})
        mark = await self.put(f"watermark {upload}")
        plan = await self.put_json({"plan": upload, "watermark": {"sha256": mark.sha256}})
        await self.add_step(StepKind.ANALYSE, {"run": run, "source": sha256, "plan": plan})
        provisional = await self.encoded(f"provisional {upload}")
        listing = await self.put_json({"listing": [s.blob.sha256 for r in provisional.renditions for s in r.segments]})
        given = {"run": run, "plan": plan, "source": sha256}
        await self.add_step(StepKind.REMUX, given, output={"encoded": listing})
        self.run = {**given, "step": await self.add_step(StepKind.ENCODE, given, "queued")}
        new = build_revision(self.asset_id, provisional, provisional=RevisionId(f"p{self.runs}"))
        await self.store(new)
        async with self.pool.acquire() as connection, connection.transaction():
            await publication.publish_provisional(connection, self.asset_id, new.id, summary(new.manifest))

    async def end(self, how: str, upload: str) -> None:
        """The run is published, rejected, or given up by us."""
        if self.run is None:
            return
        run, self.run, self.last_end = self.run, None, how
        state = {"published": "done", "rejected": "failed", "given up": "dead"}[how]
        encoded = await self.encoded(f"ladder {upload}")
        listing = await self.put_json({"listing": [s.blob.sha256 for r in encoded.renditions for s in r.segments]})
        await self.pool.execute(
            "UPDATE steps SET state = $2, finished_at = clock_timestamp(), output = $3 WHERE id = $1",
            *(run.pop("step"), state, {"encoded": listing} if state == "done" else None),
        )
        if how != "published":
            async with self.pool.acquire() as connection, connection.transaction():
                await assets.errored(connection, self.asset_id, Rejected("corrupt", f"run {self.runs}", "Mend it."))
            return
        new = build_revision(self.asset_id, encoded)
        await self.store(new)
        step = await self.add_step(StepKind.PUBLISH, {"run": run["run"], "plan": run["plan"]})
        version = await self.pool.fetchval("SELECT tracks_version FROM assets WHERE id = $1", self.asset_id)
        rows = TitleRows(tracks_version=version, tracks=[], upload=run["source"], parts=[])
        async with self.pool.acquire() as connection, connection.transaction():
            await publication.publish(
                connection,
                self.asset_id,
                new.id,
                summary(new.manifest),
                title=rows,
                by=step,  # type: ignore[arg-type]
            )
        await self.add_step(StepKind.PICTURES, {"revision": new.id})

    async def encoded(self, name: str) -> Encoded:
        """A rendition of three segments, one of which every encode of this title has."""
        made = rendition("v720", 1000, [1000, 1000, 1000])
        blobs = [await self.put(text) for text in (f"{name} 1", f"{name} 2", "shared")]
        segments = tuple(
            type(old)(blob=blob, duration=old.duration) for old, blob in zip(made.segments, blobs, strict=True)
        )
        init = await self.put(f"{name} init")
        values = {f: getattr(made, f) for f in made.__dataclass_fields__} | {"segments": segments, "init": init}
        return Encoded(renditions=(type(made)(**values),))

    async def store(self, new: Any) -> None:
        for key, body in new.texts.items():
            await self.storage.put(self.settings.media_bucket, key, body, JSON)
        manifest = keys.revision_manifest(self.asset_id, new.id)
        await self.storage.put(self.settings.media_bucket, manifest, new.body, JSON)

    # --- changes

    async def write(self, text: str) -> None:
        """A person's words replace those of the track, or are its first."""
        known = await tracks.of_asset(self.pool, self.asset_id)
        async with self.pool.acquire() as connection, connection.transaction():
            await tracks.lock(connection, self.asset_id)
            made = {"text": (await self.put(text)).sha256}
            if known:
                await tracks.change(connection, known[0], made=made)
            else:
                await tracks.insert(
                    connection, self.asset_id, kind=TrackKind.SUBTITLES, language="en", name=None, made=made
                )

    async def unwrite(self) -> None:
        for track in await tracks.of_asset(self.pool, self.asset_id):
            async with self.pool.acquire() as connection, connection.transaction():
                await tracks.remove(connection, track)

    async def picture(self, name: str) -> Poster:
        blob = await self.put(f"picture {name}")
        image = Image(
            shape="full", type="image/jpeg", width=9, height=9, size_bytes=blob.size_bytes, sha256=blob.sha256
        )
        return Poster(images=(image,), thumbhash="", colour="#000000")

    async def album(self, name: str) -> None:
        candidate = Candidate(
            **{"id": name, "time_s": 0, "score": 0, "signals": {}, "reason": "", "low_confidence": False},  # type: ignore[arg-type]
            poster=await self.picture(name),
        )
        made = Album(candidates=(candidate,), storyboard=None, preview=None, fallback=None)
        async with self.pool.acquire() as connection, connection.transaction():
            await pictures.keep_album(connection, self.asset_id, name, made)

    # --- what is needed

    async def in_storage(self) -> frozenset[str]:
        prefix = keys.asset_prefix(self.asset_id)
        return frozenset([entry.key async for entry in self.storage.list(self.settings.media_bucket, prefix)])

    async def required(self) -> frozenset[str]:
        """Keys that the code would read now: a player, an edit, a retry, a step under way."""
        row = await assets.by_id(self.pool, self.asset_id)
        assert row is not None
        found: set[str] = set()
        hashes = [track.made["text"] for track in await tracks.of_asset(self.pool, self.asset_id) if track.made]
        shown = await pictures.of_asset(self.pool, self.asset_id)
        if shown and shown.poster:
            hashes += [image.sha256 for image in shown.poster.images]
        if row.source_key is not None:
            found.add(row.source_key)
        published = await steps.newest_input(self.pool, self.asset_id, StepKind.PUBLISH)
        for step_input in (published, self.run):
            if step_input:
                hashes.append(step_input["plan"])
        if row.revision_id is not None:
            manifest = keys.revision_manifest(self.asset_id, row.revision_id)
            read = manifest_from_bytes(await self.storage.get(self.settings.media_bucket, manifest))
            found |= {manifest, *(file.key for file in read.files.values())}
        return frozenset(found | {keys.media_object(self.asset_id, sha256) for sha256 in hashes})

    async def note(self) -> None:
        self.needed.append((self.now_s, await self.required()))

    async def check(self) -> None:
        stored = await self.in_storage()
        for at_s, wanted in self.needed:
            if at_s >= self.now_s - WAIT_S:
                assert wanted <= stored, f"deleted at {self.now_s} what was needed at {at_s}"

    # --- time, and the collector

    async def pass_time(self, seconds: float) -> None:
        """Everything in the database happened this much longer ago."""
        await self.note()  # until just now
        self.now_s += seconds
        for table, columns in {
            "garbage": ("at", "visit_after"),
            "steps": ("created_at", "finished_at", "due_at"),
            "assets": ("created_at", "uploaded_at", "ready_at"),
            "patrols": ("due_at",),
            "orphans": ("seen_at",),
        }.items():
            moved = ", ".join(f"{column} = {column} - $1 * interval '1 second'" for column in columns)
            await self.pool.execute(f"UPDATE {table} SET {moved}", seconds)

    async def collect(self, *, dies: bool = False) -> None:
        storage: Any = HalfAStore(self.storage) if dies else self.storage
        await self.pool.execute("UPDATE garbage SET visit_after = '-infinity'")
        await Collector(settings=self.settings, pool=self.pool, storage=storage).round()

    async def idle(self) -> None:
        """Nothing is under way any more: the republications that changes asked for have ended."""
        await self.pool.execute(
            "UPDATE steps SET state = 'done', finished_at = clock_timestamp(), output = '{}'"
            " WHERE asset_id = $1 AND state = 'queued' AND kind = 'republish'",
            self.asset_id,
        )


@asynccontextmanager
async def opened(stack: Stack, database: str, **chosen: Any) -> AsyncIterator[Title]:
    """A new title in this database, with buckets of its own on the store of the stack."""
    env = lone.servers_env(stack)
    made = Settings(
        database_url=SecretStr(urlsplit(stack.endpoints["database_url"])._replace(path=f"/{database}").geturl()),
        **{"s3_url": env["KADR_S3_URL"], "s3_access_key": env["KADR_S3_ACCESS_KEY"]},
        s3_secret_key=SecretStr(env["KADR_S3_SECRET_KEY"]),
        **{"media_bucket": f"kadr-{database}-media".replace("_", "-"), "renewal_s": SETTINGS.renewal_s, **chosen},
        uploads_bucket=f"kadr-{database}-uploads".replace("_", "-"),
    )
    pool = await postgres.connect(made)
    try:
        async with s3.connect(made) as storage:
            await storage.ensure_bucket(made.media_bucket)
            await storage.ensure_bucket(made.uploads_bucket)
            yield Title(pool=pool, storage=storage, settings=made, asset_id=await new_asset(pool))
    finally:
        await pool.close()


@pytest.fixture
async def database(stack: Stack, template: str) -> AsyncIterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(stack.endpoints["database_url"])
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield name
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


NAMES = st.sampled_from("abc")
CHANGES = st.one_of(
    st.tuples(st.just("begin"), NAMES),
    st.tuples(st.just("end"), st.sampled_from(["published", "published", "rejected", "given up"]), NAMES),
    st.tuples(st.just("write"), NAMES),
    st.tuples(st.just("unwrite")),
    st.tuples(st.just("album"), NAMES),
    st.tuples(st.just("idle")),
    st.tuples(st.just("pass_time"), st.sampled_from([1.0, 0.4 * WAIT_S, 0.7 * WAIT_S, 1.1 * WAIT_S])),
    st.tuples(st.just("collect")),
    st.tuples(st.just("die")),
)


async def live(stack: Stack, database: str, changes: list[tuple[Any, ...]], retention_s: int | None) -> None:
    """A life of a title; everything in it that is needed is there at any time, and nothing else at its end."""
    async with opened(stack, database, source_retention_s=retention_s) as title:
        for name, *arguments in (("begin", "a"), ("end", "published", "a"), *changes):
            if name in ("collect", "die"):
                await title.collect(dies=name == "die")
            else:
                await getattr(title, name)(*arguments)
            await title.note()
            await title.check()
        await title.end("published", "z")
        await title.idle()
        await title.note()
        for _ in range(4):
            await title.pass_time(1.1 * WAIT_S)
            await title.collect()
        left = await title.in_storage()
        assert await title.required() <= left
        row = await assets.by_id(title.pool, title.asset_id)
        assert row is not None
        given_up = row.status == "errored" and title.last_end == "rejected"
        assert (row.source_key is None) is (given_up or (retention_s is not None and row.status == "ready"))
        if title.last_end == "published":  # else its parts are kept for a retry
            bodies = [await title.storage.get(title.settings.media_bucket, key) for key in left]
            assert not any(body.startswith(b"provisional") for body in bodies)
            assert len([key for key in left if "/revisions/" in key]) == 1
        entries = "SELECT count(*) FROM garbage WHERE asset_id = $1"
        assert await title.pool.fetchval(entries, title.asset_id) == 0


@pytest.mark.acceptance("a hundred lives of a title take minutes")
@given(changes=st.lists(CHANGES, max_size=20), retention_s=st.sampled_from([None, 0, 30 * HOUR]))
@hypothesis_settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_needed_stays_and_nothing_else(
    stack: Stack, database: str, changes: list[tuple[Any, ...]], retention_s: int | None
) -> None:
    asyncio.run(live(stack, database, changes, retention_s))
    assert stack.home.exists()


LONG, SHORT = ("pass_time", 1.1 * WAIT_S), ("pass_time", 0.7 * WAIT_S)
COLLECT, IDLE, DIE = ("collect",), ("idle",), ("die",)
EDITED = [("write", "a"), ("write", "b"), SHORT, IDLE, ("write", "a"), SHORT, COLLECT, IDLE, COLLECT, LONG, COLLECT]
RUNS = [LONG, DIE, COLLECT, ("begin", "b"), LONG, COLLECT, ("end", "published", "b"), SHORT, COLLECT, SHORT, COLLECT]
FAILED = [("album", "a"), ("begin", "b"), ("album", "b"), ("end", "rejected", "b"), LONG, COLLECT, LONG, COLLECT]


@pytest.mark.parametrize(("changes", "retention_s"), [(EDITED, None), (RUNS, 0), (FAILED, 30 * HOUR)])
async def test_a_life_of_a_title(
    stack: Stack, database: str, changes: list[tuple[Any, ...]], retention_s: int | None
) -> None:
    await live(stack, database, changes, retention_s)
    assert len(changes) > 5


@pytest.mark.parametrize(("how", "is_kept"), [("rejected", False), ("given up", True)])
async def test_the_source_of_an_upload_that_failed(stack: Stack, database: str, how: str, is_kept: bool) -> None:
    """A rejected file goes once nobody has retried it; what we could not do is kept for the operators."""
    async with opened(stack, database) as title:
        await title.begin("a")
        await title.end(how, "a")
        await title.pass_time(0.9 * WAIT_S)
        await title.collect()
        assert [key for key in await title.in_storage() if "/source/" in key]
        await title.pass_time(0.2 * WAIT_S)
        await title.collect()
        row = await assets.by_id(title.pool, title.asset_id)
        assert row is not None
        assert row.source_is_gone is not is_kept
        assert bool([key for key in await title.in_storage() if "/source/" in key]) is is_kept
        assert bool(await title.in_storage()) is is_kept


async def test_a_source_that_another_title_is_to_be_made_of(stack: Stack, database: str) -> None:
    async with opened(stack, database, source_retention_s=0) as title:
        await title.begin("a")
        await title.end("published", "a")
        await title.idle()
        copy = await new_asset(title.pool)
        async with title.pool.acquire() as connection:
            step = await steps.insert(connection, copy, StepKind.FETCH, {"clip_of": title.asset_id})
        for is_kept in (True, False):
            for _ in range(3):
                await title.pass_time(1.1 * WAIT_S)
                await title.collect()
                await title.pool.execute("INSERT INTO garbage (asset_id, released) VALUES ($1, '{}')", title.asset_id)
            assert bool([key for key in await title.in_storage() if "/source/" in key]) is is_kept
            await title.pool.execute("UPDATE steps SET state = 'done' WHERE id = $1", step)


async def test_workers_keep_copies_only_of_sources_that_are_read(stack: Stack, database: str, tmp_path: Path) -> None:
    """Of an upload that was mended or replaced the copy goes, once no step of its asset is under way."""
    async with opened(stack, database) as title:
        copies = Sources(tmp_path, GIB)
        for name in ("upload", "mended", "being accepted"):
            (tmp_path / name).write_bytes(b"x")
        async with title.pool.acquire() as connection:
            for sha256 in ("upload", "mended"):
                await assets.accepted(connection, title.asset_id, "key", sha256, 1)
            step = await steps.insert(connection, title.asset_id, StepKind.TRANSCRIBE, {})

        async def kept() -> set[str]:
            await copies.forget_deleted(title.pool)
            return {path.name for path in tmp_path.iterdir()}

        assert await kept() == {"upload", "mended", "being accepted"}
        await title.pool.execute("UPDATE steps SET state = 'done' WHERE id = $1", step)
        assert await kept() == {"mended", "being accepted"}
        await title.pool.execute("UPDATE assets SET deleted_at = now() WHERE id = $1", title.asset_id)
        assert await kept() == {"being accepted"}


async def test_an_edit_in_the_middle_of_a_collection(stack: Stack, database: str) -> None:
    """The text of a while ago is written again while it is being deleted: the edit waits, and stores it after that."""
    async with opened(stack, database) as title:
        await title.write("a")
        await title.write("b")
        await title.pass_time(1.1 * WAIT_S)
        edits: list[asyncio.Task[None]] = []

        class Interrupted(HalfAStore):
            async def delete_all(self, bucket: str, doomed: list[str]) -> None:
                edits.append(asyncio.create_task(title.write("a")))
                await until_waiting(title.pool)
                assert doomed
                await title.storage.delete_all(bucket, doomed)

        await Collector(settings=title.settings, pool=title.pool, storage=Interrupted(title.storage)).round()  # type: ignore[arg-type]
        assert len(edits) == 1
        await edits[0]
        assert await title.required() <= await title.in_storage()


async def test_nothing_goes_where_the_manifest_of_the_live_revision_is_missing(
    stack: Stack, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(stack, database) as title:
        await title.begin("a")
        await title.end("published", "a")
        (live_one,) = [key for key in await title.required() if "/revisions/" in key]
        await title.storage.delete(title.settings.media_bucket, live_one)
        before = await title.in_storage()
        await title.pool.execute("UPDATE garbage SET at = at - interval '3 days'")
        await title.collect()
        assert await title.in_storage() == before
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "garbage.manifest_missing"
    ]
    caplog.clear()


async def test_orphans_in_both_buckets(stack: Stack, database: str) -> None:
    """Folders of nothing known here go, once they have been seen for as long as a session may run."""
    async with opened(stack, database) as title:
        media, uploads = title.settings.media_bucket, title.settings.uploads_bucket
        orphan, lost = keys.media_object(AssetId(new_id("as")), "0" * 64), f"{keys.UPLOADS}{new_id('up')}/00001"
        await title.put("known")
        await title.storage.put(media, orphan, b"orphan", JSON)
        await title.storage.put(uploads, lost, b"orphan", JSON)
        await title.collect()
        await title.pass_time(0.9 * WAIT_S)
        await title.collect()
        assert await title.storage.size(media, orphan) == await title.storage.size(uploads, lost) == 6
        await title.pass_time(0.2 * WAIT_S)
        await title.collect()
        assert await title.storage.size(media, orphan) is await title.storage.size(uploads, lost) is None
        assert len(await title.in_storage()) == 1
        assert await title.pool.fetchval("SELECT count(*) FROM orphans") == 0


async def test_a_store_of_strangers_is_left_alone(
    stack: Stack, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """More unknown folders than a crash leaves: the database is the wrong one, or restored from long ago."""
    async with opened(stack, database) as title:
        folder = new_id("as")
        key = keys.media_object(AssetId(folder), "0" * 64)
        await title.storage.put(title.settings.media_bucket, key, b"film", JSON)
        await garbage.add_orphans(title.pool, title.settings.media_bucket, [folder, *map(str, range(150))])
        await title.pass_time(1.1 * WAIT_S)
        await title.collect()
        assert await title.storage.size(title.settings.media_bucket, key) == 4
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "garbage.too_many_orphans"
    ]
    caplog.clear()
