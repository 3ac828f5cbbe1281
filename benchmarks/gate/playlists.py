"""What the text of playback costs and says, as JSON: `python benchmarks/gate/playlists.py [--share S]`.

In process, by the origin's own handlers and the packager, without sockets, database and storage. The clock is set by
the program and nothing is drawn at random, so that the same code writes the same bytes.

sessions:   signed sessions of one title at the origin alone, which share a playlist for a minute
viewers:    sessions of one viewer each, steered across three CDNs, so that none is like another
signing:    media playlists whose every URI is signed, as a CDN with tokens for single files needs
packaging:  all playlists and the manifest of a new revision

cpu_s: CPU seconds of each case, requests being made ready before. The cases take turns in short slices, and the fastest
third of them stands for all: what other programs do to the caches makes a slice slower, and nothing makes it faster.
digests: SHA-256 of all that the case wrote.
`kadr bench gate` runs this file of each commit; one that has none is measured with the other's.
"""

import argparse
import asyncio
import gc
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from fractions import Fraction
from statistics import fmean
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote

from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from core.caching.refreshing_cache import RefreshingCache
from core.db.playback_ids import Published
from core.media.encoded import Blob, Encoded, Keyframe, Rendition, RenditionKind, Segment
from core.model import AssetId, AssetStatus, OwnerId, PlaybackId, Policy, RevisionId
from core.settings import Settings
from core.tokens import playback_token
from core.tokens.playback_token import ANYBODY, Claims, Limits
from origin.cdn.cdns import Cdn, Cdns, only_origin
from origin.cdn.steering.state import Steering
from origin.context import CONTEXT, Context
from origin.playback import play
from origin.playback.pathways import pathways
from origin.playback.shared_playlists import SharedPlaylists
from origin.playback.signed_playlists import sign_uris
from packager.revision import Manifest, build_revision

NOW = 1_800_000_000.0
ORIGIN = "https://origin.example.org"
KEYS = {"k1": b"1" * 32}
PLAYBACK, ASSET = PlaybackId("pb_1"), AssetId("as_1")
TIMESCALE, SEGMENT_S = 12_800, 4
HEIGHTS = ((1080, 5_000_000), (720, 2_800_000), (540, 1_500_000), (360, 800_000), (234, 300_000))
SLICES, FASTEST = 30, 10
# How often each is done in a slice: about 10 ms of CPU on a machine of 2026.
SESSIONS, VIEWERS, SIGNED, PACKAGED = 400, 120, 3, 1
MORE_CDNS = (
    Cdn(id="bunny", base_url="https://a.b-cdn.test", scheme="bunny", keys={"k1": "SecurityKey"}),
    Cdn(id="fastly", base_url="https://f.test", scheme="fastly", keys={"k1": "RmFzdGx5IHNlY3JldCBrZXk="}),
    Cdn(id="origin", base_url=ORIGIN, scheme="own"),
)
SINGLE_FILES = Cdn(id="keycdn", base_url="https://k.test", scheme="keycdn", keys={"k1": "a-secret-of-keycdn"})


class Clock:
    """`time.time` of this process, which moves only where it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def title(seconds: int) -> Encoded:
    """A ladder of five rungs and stereo, whose segments have sizes of their own."""
    return Encoded(renditions=(*(_video(height, bps, seconds) for height, bps in HEIGHTS), _sound(seconds)))


def _video(height: int, bps: int, seconds: int) -> Rendition:
    ticks = SEGMENT_S * TIMESCALE
    segments = tuple(
        Segment(
            blob=_blob(f"v{height}/{number}", bps * SEGMENT_S // 8 + 997 * number % 5_003),
            duration=ticks,
            keyframes=tuple(
                Keyframe(offset=800 + half * 50_000, size_bytes=20_000, duration=ticks // 2) for half in (0, 1)
            ),
        )
        for number in range(seconds // SEGMENT_S)
    )
    return Rendition(
        id=f"v{height}",
        kind=RenditionKind.VIDEO,
        codec="avc1.64001f",
        timescale=TIMESCALE,
        init=_blob(f"v{height}/init", 800),
        segments=segments,
        width=height * 16 // 9,
        height=height,
        frame_rate=Fraction(25),
    )


def _sound(seconds: int) -> Rendition:
    segments = tuple(
        Segment(blob=_blob(f"a1/{number}", 64_000 + number % 97), duration=SEGMENT_S * 48_000)
        for number in range(seconds // SEGMENT_S)
    )
    return Rendition(
        id="a1",
        kind=RenditionKind.AUDIO,
        codec="mp4a.40.2",
        timescale=48_000,
        init=_blob("a1/init", 700),
        segments=segments,
        channels=2,
        language="en",
    )


def _blob(name: str, size: int) -> Blob:
    return Blob(sha256=hashlib.sha256(name.encode()).hexdigest(), size_bytes=size)


def origin_of(cdns: Cdns, manifest: Manifest, revision: RevisionId) -> Context:
    """The origin as far as playlists need it, with one signed title."""

    async def published(_: PlaybackId) -> Published:
        return Published(
            policy=Policy.SIGNED,
            asset_id=ASSET,
            owner_id=OwnerId("ow_1"),
            revision_id=revision,
            title="A title",
            status=AssetStatus.READY,
            deleted=False,
            taken_down=False,
            allowed_domains=(),
        )

    async def read_manifest(_: Any) -> Manifest:
        return manifest

    needed = SimpleNamespace(
        settings=Settings(origin_public_url=ORIGIN),
        published=RefreshingCache(published, name="published", refresh_s=1e9),
        manifests=RefreshingCache(read_manifest, name="manifests", refresh_s=1e9),
        shared_playlists=SharedPlaylists(),
        steering=Steering(cdns, cast(Any, None), clock=lambda: NOW),
        pathways=pathways(cdns, KEYS, ORIGIN),
        revoked=set(),
        playback_keys=KEYS,
        delivery_keys=KEYS,
    )
    return cast(Context, needed)


def requests(context: Context, count: int, limits: Callable[[int], Limits]) -> list[web.Request]:
    """So many first requests of players, each with a token of its own."""
    app = web.Application()
    app[CONTEXT] = context
    path = f"/play/{PLAYBACK}/index.m3u8"
    first = make_mocked_request("GET", path, match_info={"playback_id": PLAYBACK}, app=app)
    made = []
    for number in range(count):
        claims = Claims(
            playback_id=PLAYBACK, session=f"{number:016x}", expires_at=int(NOW) + 86_400, limits=limits(number)
        )
        token = quote(playback_token.sign(claims, KEYS))
        made.append(first.clone(rel_url=URL(f"{path}?token={token}", encoded=True)))
    return made


Write = Callable[[int], Awaitable[bytes] | bytes]  # by its number


async def take_turns(cases: dict[str, tuple[int, Write]]) -> dict[str, Any]:
    """Every case, (how often in a slice, what it does), slice after slice."""
    used: dict[str, list[float]] = {name: [] for name in cases}
    said = {name: hashlib.sha256() for name in cases}
    for turn in range(SLICES):
        for name, (count, write) in cases.items():
            seconds, texts = await one_slice(write, range(turn * count, (turn + 1) * count))
            used[name].append(seconds)
            for text in texts:
                said[name].update(text + b"\0")
    return {
        "cpu_s": {name: fmean(sorted(slices)[:FASTEST]) * SLICES for name, slices in used.items()},
        "digests": {name: digest.hexdigest() for name, digest in said.items()},
    }


async def one_slice(write: Write, numbers: range) -> tuple[float, Sequence[bytes]]:
    """CPU seconds of this process, and what was written."""
    texts, began = [], time.process_time()
    for number in numbers:
        text = write(number)
        texts.append(text if isinstance(text, bytes) else await text)
    return time.process_time() - began, texts


async def measure(share: float) -> dict[str, Any]:
    """All cases, each as often as `share` says."""
    clock = Clock()
    time.time = clock
    hour, shorter = title(3_600), title(400)
    revision = build_revision(ASSET, hour)
    prefix = f"/v/{ASSET}/{revision.id}/"
    sessions, viewers, signatures, packaged = (
        max(1, round(count * share)) for count in (SESSIONS, VIEWERS, SIGNED, PACKAGED)
    )
    alone = origin_of(only_origin(ORIGIN), revision.manifest, revision.id)
    steered = origin_of(Cdns(all=MORE_CDNS), revision.manifest, revision.id)
    single = pathways(Cdns(all=(SINGLE_FILES,)), KEYS, ORIGIN)
    alike = requests(alone, sessions * SLICES, lambda _: ANYBODY)
    apart = requests(steered, viewers * SLICES, lambda number: Limits(viewer=f"viewer-{number}"))
    listed = next(body.decode() for body in revision.texts.values() if b"#EXT-X-ENDLIST" in body)

    async def played(request: web.Request) -> bytes:
        clock.now += 0.05
        answer = await play.session_playlist(request)
        if answer.status != 200 or not isinstance(answer, web.Response) or not isinstance(answer.body, bytes):
            raise RuntimeError(f"answered with {answer.status}")
        return answer.body

    def signed(number: int) -> bytes:
        expires_at = int(NOW) + 60 * number
        return sign_uris(listed, single, SINGLE_FILES.id, prefix, f"{prefix}v1080/", expires_at).encode()

    gc.collect()
    gc.freeze()  # as the origin does when it has started
    return await take_turns(
        {
            "sessions": (sessions, lambda number: played(alike[number])),
            "viewers": (viewers, lambda number: played(apart[number])),
            "signing": (signatures, signed),
            "packaging": (packaged, lambda _: build_revision(ASSET, shorter).body),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="of the usual number of times (default: 1)")
    options = parser.parse_args()
    print(json.dumps(asyncio.run(measure(options.share))))  # noqa: T201


if __name__ == "__main__":
    main()
