"""Experiments on posters: what PostgreSQL keeps and counts, and the doors of a real stack around it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import asyncpg
import pytest
from pydantic import SecretStr

from core.db import experiments, outbox, pictures, postgres
from core.db.experiments import Event, Standing, State
from core.db.pictures import Album, Candidate, Choice, Image, Poster
from core.model import AssetId, PlaybackId
from core.settings import parse_keys
from core.tokens import playback_token
from core.tokens.playback_token import Claims, Limits
from origin.experiments import impression_token
from origin.experiments.impression_counts import Impressions, advance_experiments
from origin.experiments.impression_token import Impression
from tests import runs, waiting
from tests.database import OWNER, new_asset
from tests.lone_origin import Origin, free_port, origin_env
from tests.media import generate
from tests.stack import Stack, as_owner
from tests.web import fetch, json_of, refused
from thumbnails.experiments import assignment

WITHIN_S = 60
ENOUGH = assignment.LEAST_IMPRESSIONS


def album(*ids: str) -> Album:
    def poster(name: str) -> Poster:
        image = Image(shape="full", type="image/jpeg", width=640, height=360, size_bytes=9, sha256=name * 4)
        return Poster(images=(image,), thumbhash="", colour="#000000")

    found = [
        Candidate(id=name, time_s=1.0, score=1.0, signals={}, reason="sharp", low_confidence=False, poster=poster(name))
        for name in ids
    ]
    return Album(candidates=tuple(found), storyboard=None, preview=None, fallback=None)


A, B, C = (f"c{letter * 12}" for letter in "abc")


async def keep(pool: postgres.Pool, asset_id: AssetId, kept: Album) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await pictures.keep_album(connection, asset_id, "made", kept)


async def choose(pool: postgres.Pool, asset_id: AssetId, choice: Choice | None) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await pictures.choose(connection, asset_id, choice)


async def switch(pool: postgres.Pool, subject: Any, on: bool | None) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await experiments.switch(connection, subject, on)


@pytest.fixture
async def asset_id(pool: postgres.Pool) -> AssetId:
    """With three candidates."""
    made = await new_asset(pool)
    await keep(pool, made, album(A, B, C))
    return made


async def standing(pool: postgres.Pool, asset_id: AssetId) -> Standing:
    found = await experiments.settled(pool, asset_id)
    assert found is not None
    return found


async def begun(pool: postgres.Pool, asset_id: AssetId) -> Standing:
    await switch(pool, asset_id, True)
    found = await standing(pool, asset_id)
    assert found.experiment is not None
    return found


def impression(found: Standing, number: int, arm: int = 0) -> Impression:
    assert found.experiment is not None
    return Impression(
        experiment_id=found.experiment.id,
        id=f"{number:024x}",
        candidate=found.experiment.arms[arm].candidate,
        batch=found.experiment.batch,
        propensity=found.experiment.arms[arm].share,
        expires_at=int(time.time()) + 60,
    )


async def counted(pool: postgres.Pool, asset_id: AssetId) -> list[tuple[int, int, int]]:
    found = (await standing(pool, asset_id)).experiment
    assert found is not None
    return [(arm.impressions, arm.clicks, arm.rewards) for arm in found.arms]


async def feed(pool: postgres.Pool, found: Standing, *rewards: int, each: int = 2 * ENOUGH) -> None:
    """So many rewards of each candidate, through the front: `each` impressions, all that were clicked were watched."""
    counts = Impressions(pool)
    for arm, many in enumerate(rewards):
        for number in range(each):
            one = impression(found, arm * each + number, arm)
            counts.reported(one, Event.SHOWN)
            if number < many:
                counts.reported(one, Event.CLICKED)
                counts.reported(one, Event.WATCHED)
    await counts.flush()


# Switches


async def test_off_by_default_and_without_a_row(pool: postgres.Pool, asset_id: AssetId) -> None:
    found = await standing(pool, asset_id)
    assert (found.state, found.on, found.experiment) == (State.OFF, False, None)
    for table in ("poster_switches", "poster_experiments", "poster_arms", "poster_events"):
        assert await pool.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_an_asset_goes_before_its_owner(pool: postgres.Pool, asset_id: AssetId) -> None:
    other = await new_asset(pool)
    await keep(pool, other, album(A, B))
    await switch(pool, OWNER, True)
    assert [(await standing(pool, one)).state for one in (asset_id, other)] == [State.RUNNING] * 2
    assert await experiments.wanted_by(pool, OWNER)
    await switch(pool, other, False)
    assert [(await standing(pool, one)).state for one in (asset_id, other)] == [State.RUNNING, State.OFF]
    assert [one.asset_id for one in await experiments.page(pool, OWNER, None, 10)] == [asset_id]
    await switch(pool, asset_id, True)
    await switch(pool, OWNER, False)
    assert [(await standing(pool, one)).state for one in (asset_id, other)] == [State.RUNNING, State.OFF]
    await switch(pool, asset_id, None)
    assert (await standing(pool, asset_id)).state is State.OFF
    assert await pool.fetchval("SELECT count(*) FROM poster_experiments WHERE state <> 'ended'") == 0


async def test_off_and_on_again_begins_anew(pool: postgres.Pool, asset_id: AssetId) -> None:
    first = await begun(pool, asset_id)
    await feed(pool, first, 3, 2, 1, each=5)
    await switch(pool, asset_id, False)
    await advance_experiments(pool, 0)
    again = await begun(pool, asset_id)
    assert again.experiment is not None
    assert first.experiment is not None
    assert again.experiment.id != first.experiment.id
    assert await counted(pool, asset_id) == [(0, 0, 0)] * 3
    await feed(pool, first, 5, 5, 5, each=5)  # of the old one: its tokens say so
    assert await counted(pool, asset_id) == [(0, 0, 0)] * 3


async def test_many_may_begin_it_at_once(pool: postgres.Pool, asset_id: AssetId) -> None:
    await switch(pool, asset_id, True)
    found = await asyncio.gather(*(standing(pool, asset_id) for _ in range(12)))
    assert len({one.experiment.id for one in found if one.experiment}) == 1
    assert await pool.fetchval("SELECT count(*) FROM poster_arms") == 3


async def test_one_picture_is_no_choice(pool: postgres.Pool) -> None:
    lone = await new_asset(pool)
    await switch(pool, lone, True)
    assert (await standing(pool, lone)).state is State.WAITING
    await keep(pool, lone, album(A))
    assert (await standing(pool, lone)).experiment is None


async def test_other_candidates_begin_anew(pool: postgres.Pool, asset_id: AssetId) -> None:
    first = await begun(pool, asset_id)
    await feed(pool, first, 50, 10, 10)
    await keep(pool, asset_id, album(A, B))
    await advance_experiments(pool, 0)  # nothing is decided about what is not there any more
    found = await standing(pool, asset_id)
    assert found.state is State.RUNNING
    assert found.experiment is not None
    assert [arm.candidate for arm in found.experiment.arms] == [A, B]
    assert await counted(pool, asset_id) == [(0, 0, 0)] * 2


# Counting


async def test_each_event_counts_once(pool: postgres.Pool, asset_id: AssetId) -> None:
    """From several origins at once, again later, and again after a restart."""
    found = await begun(pool, asset_id)
    origins = [Impressions(pool) for _ in range(4)]
    for _ in range(2):
        for counts in origins:
            for number in range(50):
                counts.reported(impression(found, number, number % 3), Event.SHOWN)
                if number < 9:
                    counts.reported(impression(found, number, number % 3), Event.CLICKED)
        await asyncio.gather(*(counts.flush() for counts in origins))
    assert [len(counts) for counts in origins] == [0] * 4
    assert await counted(pool, asset_id) == [(17, 3, 0), (17, 3, 0), (16, 3, 0)]
    rows = await pool.fetch("SELECT DISTINCT propensity, batch FROM poster_events")
    assert [(row["propensity"], row["batch"]) for row in rows] == [(1 / 3, 1)]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", [(Event.CLICKED, Event.WATCHED), (Event.WATCHED, Event.CLICKED)])
async def test_a_reward_is_clicked_and_watched(
    pool: postgres.Pool, asset_id: AssetId, order: tuple[Event, ...], together: bool
) -> None:
    found = await begun(pool, asset_id)
    counts = Impressions(pool)
    counts.reported(impression(found, 1), Event.CLICKED)
    counts.reported(impression(found, 2), Event.WATCHED)  # played without a click on the picture
    counts.reported(impression(found, 3), Event.SHOWN)
    await counts.flush()
    assert (await counted(pool, asset_id))[0] == (2, 1, 0)
    for event in order:
        counts.reported(impression(found, 4), event)
        if not together:
            await counts.flush()
    await counts.flush()
    assert (await counted(pool, asset_id))[0] == (3, 2, 1)
    for event in order:
        counts.reported(impression(found, 4), event)
        await counts.flush()
    assert (await counted(pool, asset_id))[0] == (3, 2, 1)


async def test_what_could_not_be_written_is_written_later(pool: postgres.Pool, asset_id: AssetId) -> None:
    found = await begun(pool, asset_id)
    counts = Impressions(pool)
    counts.reported(impression(found, 1), Event.CLICKED)
    await pool.execute("ALTER TABLE poster_arms RENAME TO away")  # half way through: what was logged is undone
    await counts.write()
    counts.reported(impression(found, 2), Event.SHOWN)
    await counts.write()
    assert len(counts) == 3
    await pool.execute("ALTER TABLE away RENAME TO poster_arms")
    assert await pool.fetchval("SELECT count(*) FROM poster_events") == 0
    await counts.write()
    assert len(counts) == 0
    assert (await counted(pool, asset_id))[0] == (2, 1, 0)


async def test_the_log_is_swept_and_the_counts_stay(pool: postgres.Pool, asset_id: AssetId) -> None:
    await feed(pool, await begun(pool, asset_id), 1, 0, 0, each=4)
    await pool.execute("UPDATE poster_events SET at = now() - interval '31 days' WHERE event = 'shown'")
    await experiments.sweep(pool)
    assert await pool.fetchval("SELECT array_agg(DISTINCT event ORDER BY event) FROM poster_events") == [
        *("clicked", "watched")
    ]
    assert await counted(pool, asset_id) == [(4, 1, 1), (4, 0, 0), (4, 0, 0)]


# Turns


async def test_a_batch_gives_shares_that_were_earned(pool: postgres.Pool, asset_id: AssetId) -> None:
    found = await begun(pool, asset_id)
    assert found.experiment is not None
    assert [arm.share for arm in found.experiment.arms] == [1 / 3] * 3
    await advance_experiments(pool, 0)
    assert (await standing(pool, asset_id)).experiment == found.experiment, "nothing was learned"
    await feed(pool, found, 20, 5, 12, each=ENOUGH - 1)
    await advance_experiments(pool, 3600)
    early = (await standing(pool, asset_id)).experiment
    assert early is not None
    assert early.batch == 1, "its batch is not over"
    await asyncio.gather(*(advance_experiments(pool, 0) for _ in range(4)))
    now = (await standing(pool, asset_id)).experiment
    assert now is not None
    assert (now.batch, now.winner) == (2, None)
    shares = [arm.share for arm in now.arms]
    assert shares[0] > shares[2] > shares[1] >= assignment.EXPLORE / 3
    assert sum(shares) == pytest.approx(1)
    # The same viewers draw again.
    assert assignment.draw(now.salt, 1, "v") != assignment.draw(now.salt, now.batch, "v")


async def test_a_winner_is_shown_to_everybody_and_told(pool: postgres.Pool, asset_id: AssetId) -> None:
    found = await begun(pool, asset_id)
    await feed(pool, found, 20, 90, 20)
    newest = await outbox.newest(pool, asset_id)
    await asyncio.gather(*(advance_experiments(pool, 0) for _ in range(3)))
    now = await standing(pool, asset_id)
    assert now.experiment is not None
    assert (now.state, now.experiment.winner) == (State.STOPPED, B)
    shown = await pictures.of_asset(pool, asset_id)
    assert shown is not None
    assert (shown.chosen, shown.poster) == (None, album(B).candidates[0].poster)
    assert shown.album is not None
    assert [one.id for one in shown.album.candidates] == [B, A, C]
    # Events are shown once no older transaction runs, of whatever test.
    told = await waiting.until(lambda: outbox.of_object(pool, asset_id, newest))
    assert [(event.type, event.payload["winner"]) for event in told] == [("video.poster.changed", B)]
    assert told[0].payload["poster"] == album(B).candidates[0].poster.version
    # The same pictures kept anew: the result stays.
    await keep(pool, asset_id, album(A, B, C))
    reset = await experiments.of_asset(pool, asset_id)
    assert reset is not None
    assert (reset.candidates[0], reset.settled) == (A, False)
    assert (await standing(pool, asset_id)).candidates[0] == B
    shown = await pictures.of_asset(pool, asset_id)
    assert shown is not None
    assert shown.poster == album(B).candidates[0].poster


async def test_a_persons_choice_always_wins(pool: postgres.Pool, asset_id: AssetId) -> None:
    found = await begun(pool, asset_id)
    own = Choice(by="upload", poster=album("cdddddddddddd").candidates[0].poster)
    await choose(pool, asset_id, own)
    assert (await standing(pool, asset_id)).state is State.SUSPENDED
    await feed(pool, found, 20, 90, 20)
    await advance_experiments(pool, 0)
    now = await standing(pool, asset_id)
    shown = await pictures.of_asset(pool, asset_id)
    assert now.experiment is not None
    assert shown is not None
    assert (now.state, now.experiment.winner, shown.poster) == (State.SUSPENDED, None, own.poster)
    # Also one that is still being made.
    await choose(pool, asset_id, None)
    async with pool.acquire() as connection, connection.transaction():
        await pictures.want(connection, asset_id, {"time_s": "1"})
    await advance_experiments(pool, 0)
    assert (await standing(pool, asset_id)).state is State.SUSPENDED
    # Left to us again it goes on from what is known.
    await choose(pool, asset_id, None)
    assert (await standing(pool, asset_id)).state is State.RUNNING
    await advance_experiments(pool, 0)
    assert (await standing(pool, asset_id)).state is State.STOPPED
    await choose(pool, asset_id, own)
    assert (await standing(pool, asset_id)).state is State.SUSPENDED


async def test_a_person_who_is_quicker_than_the_end_wins(pool: postgres.Pool, asset_id: AssetId) -> None:
    """Chosen between the look at what is due and the write of its winner."""
    found = await begun(pool, asset_id)
    await feed(pool, found, 20, 90, 20)
    own = Choice(by="upload", poster=album("cdddddddddddd").candidates[0].poster)
    async with pool.acquire() as connection, connection.transaction():
        due = await experiments.due(connection, 0)
        assert due is not None
        assert due.experiment is not None
        await choose(pool, asset_id, own)
        assert not await experiments.stop(connection, due, due.experiment.id, B)
    shown = await pictures.of_asset(pool, asset_id)
    assert shown is not None
    assert shown.poster == own.poster
    assert (await standing(pool, asset_id)).state is State.SUSPENDED


# The doors


async def until(owner: Stack, path: str, wanted: Any) -> Any:
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    while True:
        status, body = await owner.api("GET", path)
        if status == 200 and wanted(body["data"]):
            return body["data"]
        assert time.monotonic() < deadline, body
        await asyncio.sleep(0.2)


@pytest.fixture(scope="module")
async def owner(stack: Stack) -> Stack:
    """The stack for somebody whose experiments are switched on and off for all of their titles."""
    return await as_owner(stack, "experiments")


@pytest.fixture(scope="module")
async def titles(owner: Stack, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """A public and a signed title with several candidates each: four scenes."""
    clip = tmp_path_factory.mktemp("scenes") / "scenes.mp4"
    scenes = ("testsrc2", "mandelbrot", "smptehdbars", "rgbtestsrc")
    inputs = ";".join(
        f"{one}=size=320x180:rate=15,trim=duration=4,setsar=1,format=yuv420p[s{n}]" for n, one in enumerate(scenes)
    )
    joined = "".join(f"[s{n}]" for n in range(len(scenes)))
    generate(clip, f"{inputs};{joined}concat=n={len(scenes)}", None, "-g", "15")
    wanted = {"ladder": "apple", "effort": "economy"}
    ids = [await owner.upload(clip, policy=policy, **wanted) for policy in ("public", "signed")]
    for one in ids:
        await until(owner, f"/v1/assets/{one}/posters", lambda found: len(found) > 1)
    return [await owner.wait(one, "ready") for one in ids]


def base(owner: Stack, title: Any) -> str:
    return f"{owner.endpoints['origin']}/image/{title['playback_ids'][0]['id']}"


async def choice(owner: Stack, title: Any, viewer: str, origin: str | None = None) -> Any:
    """As a viewer whose name is in a playback token: others do not count."""
    url = base(owner, title).replace(owner.endpoints["origin"], origin or owner.endpoints["origin"])
    claims = Claims(
        playback_id=PlaybackId(title["playback_ids"][0]["id"]),
        session=playback_token.new_session(),
        expires_at=int(time.time()) + 600,
        limits=Limits(viewer=viewer),
    )
    answer = await fetch(f"{url}/choice?token={playback_token.sign(claims, playback_keys(owner))}")
    assert answer.headers["Cache-Control"] == "private, no-store"
    return json_of(answer)["data"]


def playback_keys(owner: Stack) -> dict[str, bytes]:
    """The origin's own."""
    kept = json.loads((owner.home / "secrets.json").read_text())
    return parse_keys("KADR_PLAYBACK_KEYS", SecretStr(f"k1:{kept['playback_key']}"))


async def tell(owner: Stack, body: Any, to: str | None = None, **more: Any) -> tuple[int, Any, Any]:
    url = f"{to or owner.endpoints['origin']}/image/events"
    sent = body if isinstance(body, str) else json.dumps(body)
    async with aiohttp.ClientSession() as session, session.post(url, data=sent, **more) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        return answer.status, await answer.json(content_type=None), answer.headers


@asynccontextmanager
async def switched_on(owner: Stack, title: Any) -> AsyncIterator[Any]:
    """The experiment, run anew, and off again afterwards."""
    path = f"/v1/assets/{title['id']}/poster/experiment"
    status, body = await owner.api("PUT", path, json={"on": True})
    assert (status, body["data"]["state"]) == (200, "running"), body
    # The origin looks every second.
    await waiting.until(lambda: choice(owner, title, "somebody"), lambda shown: shown["impression"] is not None)
    try:
        yield body["data"]
    finally:
        assert (await owner.api("DELETE", f"/v1/assets/{title['id']}/poster"))[0] == 200
        assert (await owner.api("PUT", path, json={"on": False}))[1]["data"]["state"] == "off"


async def test_without_an_experiment_it_is_the_poster(owner: Stack, titles: list[Any]) -> None:
    title = titles[0]
    shown = await choice(owner, title, "anna")
    _, body = await owner.api("GET", f"/v1/assets/{title['id']}/poster")
    url, _, query = shown.pop("url").partition("&")
    assert url == title["poster_url"]
    assert query.startswith("token="), "of this viewer"
    assert shown == {"candidate": body["data"]["candidate"], "propensity": 1.0, "impression": None}
    assert (await fetch(f"{url}&{query}")).status == 200
    _, body = await owner.api("GET", f"/v1/assets/{title['id']}/poster/experiment")
    assert (body["data"]["on"], body["data"]["state"], body["data"]["candidates"]) == (False, "off", [])
    for viewer in ("", "a%20b", "x" * 201, "%C3%A9"):
        refused(await fetch(f"{base(owner, title)}/choice?viewer={viewer}"), 422, "invalid")
    refused(await fetch(f"{owner.endpoints['origin']}/image/pb_0/choice?viewer=a"), 404, "not_found")


async def test_a_signed_title_asks_for_its_token(owner: Stack, titles: list[Any]) -> None:
    title = titles[1]
    refused(await fetch(f"{base(owner, title)}/choice?viewer=a"), 403, "token_missing")
    path = f"/v1/playback_ids/{title['playback_ids'][0]['id']}/token"
    async with switched_on_signed(owner, title):
        _, body = await owner.api("POST", path, json={"viewer": "boris"})
        token = body["data"]["token"]
        answers = [
            json_of(await fetch(f"{base(owner, title)}/choice?token={token}&viewer={viewer}"))["data"]
            for viewer in ("a", "b", "c", "")
        ]
        # The token says who it is; the page cannot say otherwise.
        assert len({one["candidate"] for one in answers}) == 1
        assert answers[0]["impression"] is not None
        assert parse_qs(urlsplit(answers[0]["url"]).query)["token"] == [token]
        picture = await fetch(answers[0]["url"])
        assert (picture.status, picture.headers["Content-Type"]) == (200, "image/jpeg")


@asynccontextmanager
async def switched_on_signed(owner: Stack, title: Any) -> AsyncIterator[None]:
    """By the owner's switch for all."""
    status, body = await owner.api("PUT", "/v1/poster_experiments", json={"on": True})
    assert (status, body["data"]["on"]) == (200, True)
    await until(owner, f"/v1/assets/{title['id']}/poster/experiment", lambda found: found["state"] == "running")
    _, body = await owner.api("GET", "/v1/poster_experiments?limit=1")
    assert [one["asset_id"] for one in body["data"]["experiments"]] == [title["id"]]
    _, made = await owner.api("POST", f"/v1/playback_ids/{title['playback_ids'][0]['id']}/token", json={"viewer": "a"})
    url = f"{base(owner, title)}/choice?token={made['data']['token']}&viewer=a"
    await waiting.until(
        lambda: fetch(url), lambda answer: json.loads(answer.body).get("data", {}).get("impression") is not None
    )
    yield
    _, body = await owner.api("PUT", "/v1/poster_experiments", json={"on": False})
    assert (body["data"]["on"], body["data"]["experiments"]) == (False, [])


async def test_viewers_are_shown_what_they_draw_and_counted_once(owner: Stack, titles: list[Any]) -> None:
    title = titles[0]
    async with switched_on(owner, title) as begun:
        arms = [arm["candidate"] for arm in begun["candidates"]]
        assert [arm["p_best"] for arm in begun["candidates"]] == pytest.approx([1 / len(arms)] * len(arms))
        first = [await choice(owner, title, f"viewer-{n}") for n in range(80)]
        again = [await choice(owner, title, f"viewer-{n}") for n in range(80)]
        assert [one["candidate"] for one in first] == [one["candidate"] for one in again]
        assert {one["candidate"] for one in first} == set(arms)
        assert {one["propensity"] for one in first} == {1 / len(arms)}
        pictures_seen = {one["url"]: await fetch(one["url"]) for one in first}
        assert {answer.status for answer in pictures_seen.values()} == {200}
        assert len({answer.body for answer in pictures_seen.values()}) == len(arms)

        told = [{"impression": one["impression"], "event": "shown"} for one in first[:10]]
        told += [{"impression": first[0]["impression"], "event": "clicked"}]
        told += [{"impression": first[0]["impression"], "event": "watched", "watched_s": 12.5}]
        told += [{"impression": first[1]["impression"], "event": "clicked"}]
        told += [{"impression": first[1]["impression"], "event": "watched", "watched_s": 9.9}]
        for body in (told, told, told[:1]):
            status, answer, _ = await tell(owner, body, headers={"Content-Type": "text/plain"})
            assert (status, answer["data"]) == (202, {"taken": len(body), "refused": []})
        again_told = [{"impression": one["impression"], "event": "shown"} for one in again[:10]]
        assert (await tell(owner, again_told))[0] == 202  # the page was loaded again

        forged = first[2]["impression"][:-1] + ("0" if first[2]["impression"][-1] != "0" else "1")
        old = Impression(
            experiment_id=begun["id"], id="0" * 24, candidate=arms[0], batch=1, propensity=1.0, expires_at=1
        )
        foreign = impression_token.sign(replace(old, expires_at=int(time.time()) + 60), {"k1": b"x" * 32})
        bad = [forged, foreign, title["playback_url"]]
        status, answer, _ = await tell(owner, [{"impression": one, "event": "shown"} for one in bad])
        assert (status, answer["data"]["taken"]) == (202, 0)
        assert [one["code"] for one in answer["data"]["refused"]] == ["impression_refused"] * 3
        expired = impression_token.sign(old, playback_keys(owner))
        _, answer, _ = await tell(owner, [{"impression": expired, "event": "shown"}, *told[:1]])
        assert answer["data"] == {"taken": 1, "refused": [{"index": 0, "code": "impression_expired"}]}

        path = f"/v1/assets/{title['id']}/poster/experiment"
        found = await until(owner, path, lambda now: sum(arm["rewards"] for arm in now["candidates"]) > 0)
        assert (found["state"], found["winner"]) == ("running", None)
        sums = [sum(arm[what] for arm in found["candidates"]) for what in ("impressions", "clicks", "rewards")]
        assert sums == [10, 2, 1]
        for arm in found["candidates"]:
            assert arm["impressions"] == sum(one["candidate"] == arm["candidate"] for one in first[:10])


async def test_a_viewer_whom_only_the_page_names_sees_a_candidate_and_does_not_count(
    owner: Stack, titles: list[Any]
) -> None:
    """Three thousand made-up names would decide a poster."""
    title = titles[0]
    async with switched_on(owner, title) as begun:
        seen = [json_of(await fetch(f"{base(owner, title)}/choice?viewer=made-up-{n}"))["data"] for n in range(20)]
        assert {one["candidate"] for one in seen} <= {arm["candidate"] for arm in begun["candidates"]}
        assert len({one["candidate"] for one in seen}) > 1
        assert {one["impression"] for one in seen} == {None}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("no json", 400, "not_json"),
        ("[" * 5000, 400, "not_json"),
        ({"event": "shown"}, 422, "invalid"),
        ([1], 422, "invalid"),
        ([{"event": "shown"}], 422, "invalid"),
        ([{"impression": "a", "event": "bought"}], 422, "invalid"),
        ([{"impression": "a", "event": None}], 422, "invalid"),
        ([{"impression": "a", "event": "watched", "watched_s": "12"}], 422, "invalid"),
        ([{"impression": "a", "event": "shown"}] * 33, 422, "invalid"),
        ("[" + " " * 20_000 + "]", 413, "request_entity_too_large"),
    ],
)
async def test_what_is_no_report_is_refused(owner: Stack, body: Any, status: int, code: str) -> None:
    answered, problem, _ = await tell(owner, body)
    assert (answered, problem["code"]) == (status, code)


async def all_see(owner: Stack, title: Any, candidate: str) -> list[Any]:
    """What five viewers are shown once it is this one for all of them, and no experiment any more."""

    async def choices() -> list[Any]:
        return [await choice(owner, title, f"viewer-{n}") for n in range(5)]

    def same(seen: list[Any]) -> bool:
        told = {(one["candidate"], one["propensity"], one["impression"]) for one in seen}
        return told == {(candidate, 1.0, None)}

    return await waiting.until(choices, same)


async def test_it_stops_and_a_person_still_wins(owner: Stack, titles: list[Any]) -> None:
    title = titles[0]
    path = f"/v1/assets/{title['id']}"
    async with switched_on(owner, title) as begun:
        winner, other = begun["candidates"][-1]["candidate"], begun["candidates"][0]["candidate"]
        database = await asyncpg.connect(owner.endpoints["database_url"])
        try:  # weeks of viewers, and a batch that is over: the origin that runs decides
            await database.execute(
                "UPDATE poster_arms SET impressions = 5000, clicks = 900,"
                " rewards = CASE candidate WHEN $2 THEN 800 ELSE 500 END WHERE experiment_id = $1",
                *(begun["id"], winner),
            )
            await database.execute(
                "UPDATE poster_experiments SET fed = true, batch_at = now() - interval '61 seconds' WHERE id = $1",
                begun["id"],
            )
            found = await until(owner, f"{path}/poster/experiment", lambda now: now["state"] == "stopped")
            told = await database.fetch(
                "SELECT payload FROM events WHERE object_id = $1 AND type = 'video.poster.changed'"
                " AND payload ->> 'experiment' = $2",
                *(title["id"], begun["id"]),
            )
        finally:
            await database.close()
        assert found["winner"] == winner
        assert [json.loads(row["payload"])["winner"] for row in told] == [winner]
        best = {arm["candidate"]: arm["p_best"] for arm in found["candidates"]}
        assert best[winner] > assignment.SURE
        _, body = await owner.api("GET", f"{path}/poster")
        assert (body["data"]["by"], body["data"]["candidate"]) == ("kadr", winner)
        seen = await all_see(owner, title, winner)
        _, listed = await owner.api("GET", f"{path}/posters")
        pictures_of = {one["id"]: one["url"] for one in listed["data"]}
        assert (await fetch(seen[0]["url"])).body == (await fetch(pictures_of[winner])).body

        assert (await owner.api("PUT", f"{path}/poster", json={"candidate": other}))[0] == 202
        await all_see(owner, title, other)
        _, body = await owner.api("GET", f"{path}/poster/experiment")
        assert (body["data"]["state"], body["data"]["winner"]) == ("suspended", winner)


class Line:
    """To PostgreSQL; it can be cut, and mended. `refused` counts the connections that were tried while it was cut."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._is_cut = False
        self.refused = 0
        self.port = free_port()

    @property
    def url(self) -> str:
        at = self._to.netloc.rpartition("@")[0]
        return self._to._replace(netloc=f"{at}@127.0.0.1:{self.port}" if at else f"127.0.0.1:{self.port}").geturl()

    async def lay(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    def mend(self) -> None:
        self._is_cut = False

    def cut(self) -> None:
        self._is_cut = True
        for writer in list(self._open):
            writer.transport.abort()

    def take_away(self) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()

    async def until_refused(self, meanwhile: Callable[[], Awaitable[Any]]) -> None:
        """Until somebody has tried to connect once more, doing this all the time."""
        before = self.refused

        async def tried() -> int:
            await meanwhile()
            return self.refused

        await waiting.until(tried, lambda count: count > before)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            self.refused += 1
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_connection(self._to.hostname, self._to.port)
        ends = {writer, there_writer}
        self._open |= ends
        try:
            await asyncio.gather(pumped(reader, there_writer), pumped(there_reader, writer))
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()


async def pumped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()


async def test_another_origin_says_the_same_and_outlives_the_database(
    owner: Stack, titles: list[Any], tmp_path: Path
) -> None:
    title, line = titles[0], Line(owner.endpoints["database_url"])
    await line.lay()
    origin = Origin({**origin_env(owner, tmp_path), "KADR_DATABASE_URL": line.url})
    async with switched_on(owner, title) as begun:
        try:
            await origin.start()
            here = [await choice(owner, title, f"viewer-{n}") for n in range(20)]
            there = [await choice(owner, title, f"viewer-{n}", origin.url) for n in range(20)]
            assert [one["candidate"] for one in here] == [one["candidate"] for one in there]
            assert len({one["candidate"] for one in here}) > 1
            line.cut()
            # What it has read is old once it tries to read it again.
            await line.until_refused(lambda: choice(owner, title, "viewer-0", origin.url))
            gone = [await choice(owner, title, f"viewer-{n}", origin.url) for n in range(20)]
            assert [one["candidate"] for one in gone] == [one["candidate"] for one in here]
            told = [{"impression": one["impression"], "event": "clicked"} for one in gone]
            status, answer, _ = await tell(owner, told, to=origin.url)
            assert (status, answer["data"]["taken"]) == (202, 20)
            for _ in range(2):  # a write that fails; what the readers tried before may have been the first
                await line.until_refused(lambda: asyncio.sleep(0))
            path = f"/v1/assets/{title['id']}/poster/experiment"
            found = (await owner.api("GET", path))[1]["data"]
            assert sum(arm["impressions"] for arm in found["candidates"]) == 0
            line.mend()
            found = await until(owner, path, lambda now: sum(arm["impressions"] for arm in now["candidates"]) == 20)
            assert (found["id"], sum(arm["clicks"] for arm in found["candidates"])) == (begun["id"], 20)
        finally:
            assert await origin.stop() == 0
            line.take_away()


async def test_what_cannot_be_read_is_no_experiment(owner: Stack, titles: list[Any], tmp_path: Path) -> None:
    """As a user of the database who may read everything else, in an origin of its own."""
    title = titles[0]
    database = await asyncpg.connect(owner.endpoints["database_url"])
    await database.execute("CREATE ROLE blind LOGIN PASSWORD 'blind'")
    await database.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO blind")
    await database.execute("REVOKE ALL ON poster_experiments FROM blind")
    url = urlsplit(owner.endpoints["database_url"])
    blind = url._replace(netloc=f"blind:blind@{url.hostname}:{url.port}").geturl()
    origin = Origin({**origin_env(owner, tmp_path), "KADR_DATABASE_URL": blind})
    try:
        await origin.start()
        shown = await choice(owner, title, "anna", origin.url)
        assert (shown["propensity"], shown["impression"]) == (1.0, None)
        assert (await fetch(shown["url"])).status == 200
    finally:
        assert await origin.stop() == 0
        await database.execute("DROP OWNED BY blind; DROP ROLE blind")
        await database.close()
