"""The command line: one subcommand per program. Errors are one sentence on stderr and exit code 2."""

import argparse
import asyncio
import importlib
import os
import sys
from pathlib import Path
from typing import Any, get_args

from core import logs
from core.errors import ConfigError, KadrError, Rejected
from core.settings import Settings
from kadr.refused import CannotIngest
from presets.effort import Effort
from presets.profile import NAMES as PROFILES
from presets.rung import Codec
from transcode.watermark import Position

DEFAULT_HOME = Path(".kadr")
BENCHMARKS = ("api", "origin", "overhead", "transcode", "workers")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kadr", description="Self-hosted video: uploads in, signed HLS out.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="everything on one machine, in the foreground")
    up.add_argument("--home", type=Path, default=DEFAULT_HOME, help="where all state lives (default: .kadr)")
    up.add_argument("--port", type=int, help="port of the API; the origin takes the next one (kept in the home)")
    up.add_argument("--video", type=Path, metavar="FILE", help="also put this file through and print its playback URL")

    ingest = commands.add_parser("ingest", help="upload a file through the API and wait until it is ready")
    ingest.add_argument("file", type=Path)
    ingest.add_argument("--title", help="default: the file's name")
    ingest.add_argument("--ref", help="what it belongs to, for example product:42")
    ingest.add_argument("--policy", choices=("public", "signed"), default="public")
    ingest.add_argument("--language", help="spoken language, for example en")
    ingest.add_argument("--wait", action="store_true", help="wait until it is ready or errored (it always does)")
    ingest.add_argument("--json", action="store_true", help="print the final asset as JSON")
    _add_options(ingest, alone=False)

    for name, text in (
        ("plan", "what would be encoded of a file, and why"),
        ("encode", "encode a file into a folder of HLS, with no services"),
    ):
        alone = commands.add_parser(name, help=text)
        alone.add_argument("file", type=Path)
        alone.add_argument("--json", action="store_true", help="print everything as JSON")
        if name == "encode":
            alone.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder; DIR/index.m3u8")
        _add_options(alone, alone=True)

    _add_sign_options(commands.add_parser("sign", help="sign a path prefix as one of the CDNs wants it"))

    check = commands.add_parser("check", help="hold a published title against the rules of HLS")
    check.add_argument("url", metavar="URL", help="of a multivariant playlist, or the path of one")
    check.add_argument("--dash", metavar="URL", help="its DASH manifest (default: manifest.mpd beside it, if any)")
    check.add_argument("--json", action="store_true", help="print what was found as JSON")
    check.add_argument("--all", action="store_true", help="every repetition of a fault, and the rules that hold")

    bench = commands.add_parser("bench", help=f"measure this installation: {', '.join(BENCHMARKS)}")
    bench.add_argument("name", choices=BENCHMARKS)
    bench.add_argument("args", nargs=argparse.REMAINDER, help="its own options; `kadr bench NAME --help` lists them")

    origin = commands.add_parser("origin", help="the read door: playback over HTTP")
    origin.add_argument("--processes", type=int, default=1, metavar="N", help="that share the port (default: 1)")

    steer = commands.add_parser("steer", help="send all players to one CDN, or let the scores decide again")
    word = steer.add_mutually_exclusive_group()
    word.add_argument("--to", metavar="ID", help="a pathway of KADR_CDNS: everybody moves within one TTL")
    word.add_argument("--auto", action="store_true", help="the scores decide")
    word.add_argument("--end", action="store_true", help="players stay where they are and never ask again")
    word.add_argument("--resume", action="store_true", help="after --end, for new sessions")

    for name, text in (
        ("api", "the write door: uploads and assets over HTTP"),
        ("worker", "claim steps and work on them"),
        ("reconcile", "one round of the backstop: expired uploads, unseen work, stuck assets"),
        ("migrate", "bring the database up to date and make the buckets"),
    ):
        commands.add_parser(name, help=text)
    return parser


def _add_options(parser: argparse.ArgumentParser, *, alone: bool) -> None:
    """What can be wished of an encode; `alone`: with no services, which has a few options more."""
    parser.add_argument("--profile", choices=PROFILES, default="standard", help="what kind of video it is")
    parser.add_argument("--codec", choices=[codec.value for codec in Codec], default="h264")
    parser.add_argument(
        "--ladder", choices=("smart", "apple"), default="smart", help="measured for this title, or Apple's fixed one"
    )
    parser.add_argument("--effort", choices=[effort.value for effort in Effort], default="balanced")
    if alone:
        parser.add_argument("--preset", help="the encoder's own preset, instead of the effort's")
        parser.add_argument("--chunk", type=int, metavar="S", help="encode in chunks of at least so many seconds")
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="leave out what is before (seconds)")
    parser.add_argument("--end", type=float, metavar="S", help="leave out what is after (seconds)")
    parser.add_argument("--watermark", type=Path, metavar="IMAGE", help="an image to draw over the picture")
    parser.add_argument("--watermark-position", choices=get_args(Position), default="bottom-right")
    parser.add_argument("--watermark-width", type=float, default=0.12, metavar="SHARE", help="of the picture's width")
    parser.add_argument("--watermark-opacity", type=float, default=0.8, metavar="0..1")


def _add_sign_options(sign: argparse.ArgumentParser) -> None:
    sign.add_argument(
        "--scheme", required=True, metavar="NAME", help="own, secure_link, cloudfront, akamai, bunny, ..."
    )
    sign.add_argument("--key", required=True, metavar="K", help="the secret, or @FILE that holds it (a PEM, say)")
    sign.add_argument("--key-id", metavar="ID", help="the key's id, where the CDN gave it one")
    sign.add_argument("--prefix", required=True, metavar="P", help="/v/ASSET/REVISION/, or the whole URL of it")
    sign.add_argument("--expires", required=True, metavar="N", help="Unix seconds, or +SECONDS from now")
    sign.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="of the scheme; repeatable")
    sign.add_argument("--ip", help="the viewer's, where the token is bound to it")
    sign.add_argument("--country", help="the viewer's, where the token is bound to it")
    sign.add_argument("--session", default="", help="where the token names it")
    sign.add_argument("--json", action="store_true", help="print it as JSON")


def main() -> None:
    """Run one subcommand and exit with its code."""
    given = _parser().parse_args()
    try:
        sys.exit(_COMMANDS[given.command](given))
    except CannotIngest as exc:
        sys.exit(_told(str(exc), 1))
    except Rejected as exc:
        sys.exit(_told(f"kadr {given.command}: {exc.code}: {exc} {exc.hint}", 1))
    except KadrError as exc:
        sys.exit(_told(f"kadr {given.command}: {exc}", 2))
    except KeyboardInterrupt:
        sys.exit(130)


def _told(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code


def _settings() -> Settings:
    settings = Settings.load()
    logs.configure(settings.log_level)
    return settings


def _up(given: argparse.Namespace) -> int:
    from kadr.stack.up import up
    from kadr.video import Guest

    guest = Guest(given.video)
    return asyncio.run(up(given.home, given.port, guest.on_ready))


def _ingest(given: argparse.Namespace) -> int:
    from kadr import client

    return asyncio.run(
        client.ingest(
            client.Target.from_environment(os.environ),
            given.file,
            client.Wanted(
                title=given.title,
                ref=given.ref,
                policy=given.policy,
                language=given.language,
                options=_options(given),
            ),
            as_json=given.json,
        )
    )


def _options(given: argparse.Namespace) -> dict[str, Any]:
    """What `_add_options` took, as the API takes it."""
    from kadr import client

    options: dict[str, Any] = {name: getattr(given, name) for name in ("profile", "codec", "effort", "ladder")}
    if given.start or given.end is not None:
        options["clip"] = {"start_s": given.start, "end_s": given.end}
    if given.watermark:
        options["watermark"] = {
            "image": client.image_in_base64(given.watermark),
            "position": given.watermark_position,
            "width_share": given.watermark_width,
            "opacity": given.watermark_opacity,
        }
    return options


def _plan(given: argparse.Namespace) -> int:
    from kadr import encode

    return encode.run_plan(encode.wanted(given), as_json=given.json)


def _encode(given: argparse.Namespace) -> int:
    from kadr import encode

    return encode.run_encode(encode.wanted(given), given.out, as_json=given.json)


def _sign(given: argparse.Namespace) -> int:
    from kadr import sign

    return sign.run(given)


def _check(given: argparse.Namespace) -> int:
    from kadr.check import report

    return report.run(given)


def _bench(given: argparse.Namespace) -> int:
    # By name: the two rooms under the roof do not know each other.
    code: int = importlib.import_module(f"benchmarks.{given.name}").main(given.args)
    return code


def _steer(given: argparse.Namespace) -> int:
    from kadr import steer

    return steer.run(Settings.load(), to=given.to, auto=given.auto, end=given.end, resume=given.resume)


def _api(_: argparse.Namespace) -> int:
    from ingest.app import create

    settings = _settings()
    return _serve(create(settings), settings.api_host, settings.api_port)


def _origin(given: argparse.Namespace) -> int:
    from kadr.several import run_several
    from origin.app import create

    settings = _settings()
    if not 1 <= given.processes <= 256:
        raise ConfigError(f"--processes {given.processes}: give a number from 1 to 256")
    _many_files()

    def one() -> int:
        several = given.processes > 1
        return _serve(create(settings), settings.origin_host, settings.origin_port, reuse_port=several)

    return one() if given.processes == 1 else run_several(given.processes, one)


def _many_files() -> None:
    """As many open files as may be: each viewer is a connection and a segment."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _serve(app: Any, host: str, port: int, *, reuse_port: bool | None = None) -> int:
    from aiohttp import web

    web.run_app(
        app,
        host=host,
        port=port,
        reuse_port=reuse_port,
        backlog=1024,
        print=None,
        access_log=None,
        shutdown_timeout=3,
        handler_cancellation=True,
    )
    return 0


def _worker(_: argparse.Namespace) -> int:
    from workers.run import run

    asyncio.run(run(_settings()))
    return 0


def _reconcile(_: argparse.Namespace) -> int:
    from workers.reconciler import once

    asyncio.run(once(_settings()))
    return 0


def _migrate(_: argparse.Namespace) -> int:
    from kadr.migrate import migrate

    asyncio.run(migrate(_settings(), os.environ.get("KADR_BOOTSTRAP_API_KEY")))
    return 0


_COMMANDS = {
    "up": _up,
    "ingest": _ingest,
    "plan": _plan,
    "encode": _encode,
    "sign": _sign,
    "check": _check,
    "bench": _bench,
    "api": _api,
    "origin": _origin,
    "steer": _steer,
    "worker": _worker,
    "reconcile": _reconcile,
    "migrate": _migrate,
}
