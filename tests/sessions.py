"""One viewer's session and the CDNs it may be sent to, with the keys of each."""

from fractions import Fraction

from core.media.encoded import Blob, Keyframe, Rendition, RenditionKind, Segment
from core.model import AssetId, PlaybackId, RevisionId
from core.tokens.playback_token import ANYBODY
from origin.cdn.cdns import Cdn, Cdns
from origin.playback.pathways import Pathways, pathways
from origin.playback.session import Session

ORIGIN = "https://origin.example.org"
KEYS = {"k1": b"1" * 32}
PREFIX = "/v/as_1/ab/"
EXPIRES = 1_900_000_020
SEGMENTS = tuple(
    Segment(
        blob=Blob(sha256=f"{number:064}", size_bytes=1000),
        duration=48000,
        keyframes=(Keyframe(offset=100, size_bytes=200, duration=48000),),
    )
    for number in range(2)
)
VIDEO = Rendition(
    id="v360",
    kind=RenditionKind.VIDEO,
    codec="avc1.64001e",
    timescale=12000,
    init=Blob(sha256="f" * 64, size_bytes=700),
    segments=SEGMENTS,
    width=640,
    height=360,
    frame_rate=Fraction(24),
)
SESSION = Session(
    id="0123456789abcdef",
    title="a",
    playback_id=PlaybackId("pb_1"),
    asset_id=AssetId("as_1"),
    revision_id=RevisionId("ab"),
    duration_s=8.0,
    renditions=(VIDEO,),
    subtitles=(),
    whole=True,
    expires_at=EXPIRES,
    renew_until=EXPIRES,
    shareable_until=0.0,
    limits=ANYBODY,
    prefix=PREFIX,
    address="192.0.2.7",
    country="SE",
)
BUNNY = Cdn(id="bunny", base_url="https://a.b-cdn.test", scheme="bunny", keys={"k1": "SecurityKey"})
FASTLY = Cdn(id="fastly", base_url="https://f.test", scheme="fastly", keys={"k1": "RmFzdGx5IHNlY3JldCBrZXk="})
OWN = Cdn(id="origin", base_url=ORIGIN, scheme="own")


def ways(*cdns: Cdn) -> Pathways:
    return pathways(Cdns(all=cdns), KEYS, ORIGIN)
