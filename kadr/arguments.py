"""The command line: subcommands, their options and their help. Reads nothing and runs nothing."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

from core.media.crop import Reframe
from core.model import AssetStatus
from kadr.cost_arguments import add_cost, add_usage
from kadr.subcommand import Commands, add_command
from kadr.upload_arguments import add_page_options, add_upload_options
from presets.caption import CAPTION_NAMES
from presets.document import current_name
from presets.effort import Effort
from presets.poster import NAMES as POSTERS
from presets.profile import DEFAULT_NAME, UPRIGHT_NAMES
from presets.profile import NAMES as PROFILES
from presets.rung import Codec
from transcode.plan.watermark import Position

DEFAULT_HOME = Path(".kadr")
MOST = 1_000_000  # pages, or requests a second, of a check
BENCHMARKS = (
    "all",
    "api",
    "capacity",
    "click_through",
    "compare",
    "cost",
    "fairness",
    "fuzz",
    "gate",
    "load",
    "origin",
    "overhead",
    "player",
    "sitemap",
    "startup",
    "subtitles",
    "thumbnails",
    "transcode",
    "workers",
)


class _Version(argparse.Action):
    """`--version`. Reading the version of an installed package takes a while, so only where it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, **more: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, **more)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        sys.stdout.write(f"kadr {version('kadr')}\n")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; `command` of its result is the name of the subcommand."""
    root = argparse.ArgumentParser(
        prog="kadr",
        description="Self-hosted video: uploads in, signed HLS out.",
        epilog="`kadr COMMAND --help` shows the options of a command.",
    )
    root.add_argument("--version", action=_Version, help="show the version and exit")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")

    up = add_command(
        commands,
        "up",
        "run everything on one machine, in the foreground",
        "Starts PostgreSQL, Redis, an S3 server, the API, the origin and workers. Ctrl-C stops them all.",
    )
    up.add_argument("--home", type=Path, default=DEFAULT_HOME, metavar="DIR", help="folder that keeps all state")
    up.add_argument(
        "--port",
        type=int,
        metavar="N",
        help="port of the API; the origin takes N+1. Remembered in the home (default: 8080, or a free port)",
    )
    up.add_argument("--video", type=Path, metavar="FILE", help="also process this file and print its playback URL")

    ingest = add_command(
        commands,
        "ingest",
        "upload a file through the API and wait until it is ready",
        "Exits with 0 when the video is ready, and with 1 and the reason when it is refused or fails.",
    )
    ingest.add_argument("file", type=Path, metavar="FILE", help="the video to upload")
    ingest.add_argument("--title", help="title of the video (default: the file name)")
    ingest.add_argument("--ref", help="your own reference, for example product:42")
    ingest.add_argument("--policy", choices=("public", "signed"), default="public", help="who may play it")
    ingest.add_argument("--language", metavar="TAG", help="spoken language, for example en")
    ingest.add_argument("--wait", action="store_true", help="accepted for scripts; the command always waits")
    ingest.add_argument("--json", action="store_true", help="print the final asset as JSON")
    ingest.add_argument(
        "--resume",
        type=Path,
        metavar="STATE",
        help="note in this file how far the upload is, until it is complete; after an interruption the same command"
        " sends only the rest",
    )
    _add_encode_options(ingest, local=False)
    add_upload_options(ingest)
    add_page_options(ingest)

    _add_assets(commands)
    _add_token(commands)
    _add_listen(commands)
    studio_link = add_command(
        commands,
        "studio-link",
        "print a link that signs one browser in to the studio, once, within 10 minutes",
        "Reads the database of KADR_DATABASE_URL, else of the `kadr up` in KADR_HOME.",
    )
    studio_link.add_argument("--owner", metavar="ID", default="ow_default", help="whose studio")
    add_cost(commands)
    _add_encode(commands)
    _add_posters(commands)
    _add_transcribe(commands)
    _add_cues(commands)
    _add_models(commands)
    _add_sign(commands)
    add_usage(commands)
    _add_check(commands)

    bench = add_command(
        commands,
        "bench",
        f"measure this installation: {', '.join(BENCHMARKS)}",
        "`kadr bench NAME --help` shows what a benchmark measures, and its options.",
    )
    bench.add_argument("name", choices=BENCHMARKS, metavar="NAME", help="the benchmark to run")
    bench.add_argument("args", nargs=argparse.REMAINDER, metavar="...", help="options of the benchmark")

    origin = add_command(commands, "origin", "run the HTTP origin that serves playback")
    origin.add_argument("--processes", type=int, default=1, metavar="N", help="number of processes sharing the port")

    _add_steer(commands)
    add_command(commands, "api", "run the HTTP API for uploads and assets")
    add_command(commands, "worker", "run a worker that processes queued steps")
    add_command(commands, "dispatcher", "run a dispatcher that sends webhooks and feeds the event bus")
    add_command(
        commands,
        "reconcile",
        "run one reconciliation round and exit",
        "Expires abandoned uploads, announces work that was missed, reports stuck assets and deletes some of what is no"
        " longer needed. Workers do the same every KADR_RECONCILE_S seconds.",
    )
    migrate = add_command(commands, "migrate", "bring the database schema up to date and create the buckets")
    what = migrate.add_mutually_exclusive_group()
    what.add_argument("--skip-buckets", action="store_true", help="migrate the database only")
    what.add_argument(
        "--check",
        action="store_true",
        help="change nothing; exit with 0 where the database is as new as this release needs, else with 1 and why",
    )
    return root


def _add_assets(commands: Commands) -> None:
    assets = add_command(commands, "assets", "list, show or delete assets through the API")
    what = assets.add_subparsers(dest="what", required=True, metavar="ACTION")
    listing = add_command(what, "list", "list assets, newest first")
    listing.add_argument("--status", choices=[status.value for status in AssetStatus], help="only with this status")
    listing.add_argument("--ref", metavar="TYPE:ID", help="only with this reference, for example product:42")
    listing.add_argument("--q", metavar="TEXT", help="only with this text in the title")
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="list at most this many")
    listing.add_argument("--json", action="store_true", help="print the assets as JSON")
    show = add_command(what, "show", "show one asset")
    show.add_argument("id", metavar="ASSET", help="id of the asset, as_...")
    show.add_argument("--json", action="store_true", help="print the whole asset as JSON")
    delete = add_command(what, "delete", "delete assets, with all their files", "There is no way back.")
    delete.add_argument("ids", nargs="+", metavar="ASSET", help="id of an asset, as_...")


def _add_token(commands: Commands) -> None:
    token = add_command(
        commands, "token", "print a signed playback URL", "Each is for one session of one viewer of a signed video."
    )
    token.add_argument("id", metavar="ID", help="a signed playback id (pb_...), or an asset (as_...) that has one")
    token.add_argument(
        "--ttl", dest="ttl_s", type=int, metavar="S", help="how long it is valid (default: KADR_PLAYBACK_TOKEN_TTL_S)"
    )
    token.add_argument("--viewer", metavar="ID", help="your own identifier of a person")
    token.add_argument("--max-sessions", type=int, metavar="N", help="concurrent sessions of this viewer")
    token.add_argument("--domain", help="domain of the embedding page")
    token.add_argument("--ip", metavar="ADDRESS", help="address or network of the viewer")
    token.add_argument("--country", metavar="CODE", help="country of the viewer, two capital letters")
    token.add_argument("--json", action="store_true", help="print the token, its URLs, session and expiry as JSON")


def _add_listen(commands: Commands) -> None:
    listen = add_command(
        commands,
        "listen",
        "print events as they happen, and send them on to a program on this machine",
        "For developers: with --forward each event is sent as a webhook, signed, to a URL that Kadr itself need not"
        " reach. Ctrl-C ends it.",
    )
    listen.add_argument(
        "--forward", metavar="URL", help="send events there, for example http://localhost:8000/webhooks"
    )
    listen.add_argument(
        "--types",
        type=lambda text: text.split(","),
        default=[],
        metavar="TYPES",
        help="only these, for example video.asset.*,video.track.ready (default: all)",
    )
    listen.add_argument("--last", type=int, metavar="N", help="begin with the newest N that have happened already")
    listen.add_argument(
        "--secret", metavar="SECRET", help="sign with this secret, whsec_... (default: a new one, which is shown)"
    )


def _add_encode(commands: Commands) -> None:
    """`plan` and `encode`, which work on one file without any service."""
    for name, text in (
        ("plan", "show the encode plan of a file and the reasons"),
        ("encode", "encode a file into a folder of HLS, without any service"),
    ):
        command = add_command(commands, name, text)
        command.add_argument("file", type=Path, metavar="FILE", help="the video to read")
        command.add_argument("--json", action="store_true", help="print the result as JSON")
        if name == "encode":
            command.add_argument(
                "--out", type=Path, required=True, metavar="DIR", help="new folder; the playlist is DIR/index.m3u8"
            )
        _add_encode_options(command, local=True)


def _add_posters(commands: Commands) -> None:
    posters = add_command(commands, "posters", "list the best poster frames of a file and the reasons")
    posters.add_argument("file", type=Path, metavar="FILE", help="the video to read")
    posters.add_argument("--profile", type=current_name, choices=POSTERS, default="general", help="kind of video")
    posters.add_argument("--json", action="store_true", help="print all signals of each candidate as JSON")


def _add_transcribe(commands: Commands) -> None:
    transcribe = add_command(commands, "transcribe", "transcribe the speech of a file with a Whisper model")
    transcribe.add_argument("file", type=Path, metavar="FILE", help="the video or audio file to read")
    transcribe.add_argument("--model", metavar="NAME", help="name or folder of the model (default: KADR_WHISPER_MODEL)")
    transcribe.add_argument("--language", metavar="TAG", help="spoken language, for example en (default: detected)")
    transcribe.add_argument("--translate", action="store_true", help="translate into English")
    form = transcribe.add_mutually_exclusive_group()
    form.add_argument(
        "--words",
        dest="form",
        action="store_const",
        const="words",
        default="text",
        help="print the words with their times, as input for `kadr cues` (default: print plain text)",
    )
    form.add_argument(
        "--json",
        dest="form",
        action="store_const",
        const="json",
        help="print the whole transcript as JSON (default: print plain text)",
    )


def _add_cues(commands: Commands) -> None:
    cues = add_command(commands, "cues", "turn words with times into captions")
    cues.add_argument(
        "words", type=Path, metavar="WORDS.json", help='a list of {"start", "end", "word"}, times in seconds'
    )
    cues.add_argument("--format", choices=("vtt", "srt"), default="vtt", help="format of the captions")
    cues.add_argument(
        "--profile", type=current_name, choices=CAPTION_NAMES, default="standard", help="limits for lines and timing"
    )
    cues.add_argument("--language", metavar="TAG", help="for example en (default: guessed from the script)")


def _add_models(commands: Commands) -> None:
    models = add_command(commands, "models", "list or fetch speech models (Whisper)")
    what = models.add_subparsers(dest="what", required=True, metavar="ACTION")
    add_command(what, "list", "list the models on this machine and those that can be fetched")
    fetch = add_command(what, "fetch", "fetch a model into KADR_MODELS_DIR and verify it")
    fetch.add_argument("name", metavar="NAME", help="name of the model, or owner/name of its repository")


def _add_sign(commands: Commands) -> None:
    sign = add_command(commands, "sign", "sign a path prefix with the token scheme of a CDN")
    sign.add_argument(
        "--scheme",
        required=True,
        metavar="NAME",
        help="one of own, secure_link, cloudfront, akamai, bunny, fastly, cloudflare, "
        "google_cdn, google_media, keycdn, cat",
    )
    sign.add_argument("--key", required=True, metavar="KEY", help="the secret, or @FILE to read it from a file")
    sign.add_argument("--key-id", metavar="ID", help="id of the key, where the CDN assigns one")
    sign.add_argument("--prefix", required=True, metavar="PREFIX", help="/v/ASSET/REVISION/, or its full URL")
    sign.add_argument("--expires", required=True, metavar="TIME", help="Unix time in seconds, or +SECONDS from now")
    sign.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="option of the scheme; repeatable"
    )
    sign.add_argument("--ip", metavar="ADDRESS", help="address of the viewer, for tokens bound to it")
    sign.add_argument("--country", metavar="CODE", help="country of the viewer, for tokens bound to it")
    sign.add_argument("--session", default="", metavar="ID", help="session id, for tokens that contain it")
    sign.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_check(commands: Commands) -> None:
    check = add_command(
        commands,
        "check",
        "check a published title against the rules of HLS, or a site against those of search engines",
        "The rules are those of Apple's HLS Authoring Specification and RFC 8216bis. With --seo: URL is a site, of"
        " which robots.txt, the sitemap and every page are read with all they lead to, by the rules of Google, Yandex,"
        " Bing, Open Graph and oEmbed. Exits with 1 when a rule that must hold is broken.",
    )
    check.add_argument("url", metavar="URL", help="URL or path of a multivariant playlist; with --seo, URL of a site")
    check.add_argument(
        "--dash", metavar="URL", help="DASH manifest (default: manifest.mpd next to it, if there is one)"
    )
    check.add_argument(
        "--decode", action="store_true", help="decode every frame and sound, too, as a player would; takes CPU time"
    )
    check.add_argument("--json", action="store_true", help="print the result as JSON")
    check.add_argument("--all", action="store_true", help="show every repeated fault, and the rules that hold")
    seo = check.add_argument_group("options of --seo")
    seo.add_argument("--seo", action="store_true", help="check whether engines and other sites find the site's videos")
    seo.add_argument("--rate", type=_more_than_none(float), metavar="N", help="requests a second (default: 10)")
    seo.add_argument("--limit", type=_more_than_none(int), metavar="N", help="look at this many pages (default: all)")
    seo.add_argument("--only", metavar="TEXT", help="look at pages with this text in their URL only")
    seo.add_argument("--metrics", type=Path, metavar="FILE", help="write the numbers for Prometheus, as text")


def _more_than_none(number: type[float]) -> Callable[[str], float]:
    """A number above zero, of an option. Raises ArgumentTypeError for any other text."""

    def read(text: str) -> float:
        try:
            value = number(text)
        except ValueError:
            value = number(0)
        if not 0 < value <= MOST:
            raise argparse.ArgumentTypeError(f"{text!r} is not from 1 to {MOST}, as in 20")
        return value

    return read


def _add_steer(commands: Commands) -> None:
    steer = add_command(
        commands,
        "steer",
        "show or override which CDN players are steered to",
        "Without an option it prints the current state as JSON.",
    )
    override = steer.add_mutually_exclusive_group()
    override.add_argument("--to", metavar="ID", help="send all players to this pathway of KADR_CDNS within one TTL")
    override.add_argument("--auto", action="store_true", help="remove the override; scores decide again")
    override.add_argument("--end", action="store_true", help="end steering: players stay where they are")
    override.add_argument("--resume", action="store_true", help="undo --end for new sessions")
    steer.add_argument(
        "--delivered", metavar="ID=GB", help="report what a CDN has delivered this month, for max_gb_per_month"
    )


def _add_encode_options(command: argparse.ArgumentParser, *, local: bool) -> None:
    """The options of an encode; `local` adds those that only `kadr plan` and `kadr encode` have."""
    command.add_argument("--profile", choices=PROFILES, default=DEFAULT_NAME, help="kind of video")
    command.add_argument(
        "--codec", choices=[codec.value for codec in Codec], default="h264", help="video codec of the renditions"
    )
    command.add_argument(
        "--ladder",
        choices=("smart", "apple"),
        default="smart",
        help="renditions measured for this title, or all of the profile's ladder (for standard videos Apple's)",
    )
    command.add_argument(
        "--effort",
        choices=[effort.value for effort in Effort],
        default="balanced",
        help="economy uses less CPU, quality fewer bytes",
    )
    command.add_argument(
        "--reframe",
        choices=[reframe.value for reframe in Reframe],
        default="auto",
        help=f"crop a wide video to 9:16, shot by shot; auto does it for {', '.join(UPRIGHT_NAMES)}",
    )
    if local:
        command.add_argument("--preset", help="encoder preset (default: that of the effort)")
        command.add_argument("--chunk", type=int, metavar="S", help="encode in chunks of at least this many seconds")
    command.add_argument(
        "--start", type=float, default=0.0, metavar="S", help="start of the part to encode, in seconds"
    )
    command.add_argument(
        "--end", type=float, metavar="S", help="end of the part to encode, in seconds (default: the end of the video)"
    )
    command.add_argument("--watermark", type=Path, metavar="IMAGE", help="image to draw over the video")
    command.add_argument(
        "--watermark-position", choices=get_args(Position), default="bottom-right", help="where to draw it"
    )
    command.add_argument(
        "--watermark-width", type=float, default=0.12, metavar="SHARE", help="its width, as a share of the video's"
    )
    command.add_argument("--watermark-opacity", type=float, default=0.8, metavar="0..1", help="its opacity")
