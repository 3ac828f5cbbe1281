"""The command line: one function per program. Errors are one sentence on stderr and exit code 2."""

import argparse
import asyncio
import importlib
import importlib.util
import os
import sys
from typing import Any

from core.errors import ConfigError, KadrError, Rejected
from core.settings import Settings
from core.telemetry import logs
from kadr.arguments import parser
from kadr.error_text import CannotIngest

# aiohttp waits this long twice: for requests to end, then for cancelled ones. `kadr up` kills an app after
# kadr.stack.apps.STOP_WITHIN_S, which has to be longer than both and the closing of connections.
SHUTDOWN_WAIT_S = 2.0


def main() -> None:
    """Run one subcommand and exit with its code."""
    given = parser().parse_args()
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
    from kadr.video_file import problem_with

    # Before the seconds that the imports take.
    if given.video is not None and (problem := problem_with(given.video)):
        raise ConfigError(f"--video {problem}")
    from kadr.commands.up_video import Guest
    from kadr.stack.up import up

    guest = Guest(given.video and given.video.expanduser())
    return asyncio.run(up(given.home, given.port, guest.on_ready))


def _ingest(given: argparse.Namespace) -> int:
    from kadr.commands import ingest

    return asyncio.run(
        ingest.ingest(
            ingest.Target.from_environment(os.environ),
            given.file,
            ingest.Wanted(
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
    from kadr.commands import ingest

    options: dict[str, Any] = {
        name: getattr(given, name) for name in ("profile", "codec", "effort", "ladder", "reframe")
    }
    if given.start or given.end is not None:
        options["clip"] = {"start_s": given.start, "end_s": given.end}
    if given.watermark:
        options["watermark"] = {
            "image": ingest.image_in_base64(given.watermark),
            "position": given.watermark_position,
            "width_share": given.watermark_width,
            "opacity": given.watermark_opacity,
        }
    return options


def _plan(given: argparse.Namespace) -> int:
    from kadr.commands import encode

    return encode.run_plan(encode.request_of(given), as_json=given.json)


def _encode(given: argparse.Namespace) -> int:
    from kadr.commands import encode

    return encode.run_encode(encode.request_of(given), given.out, as_json=given.json)


def _posters(given: argparse.Namespace) -> int:
    from kadr.commands import posters

    return posters.run(given.file, given.json, given.profile)


def _transcribe(given: argparse.Namespace) -> int:
    from kadr.commands import transcribe

    return transcribe.run(
        given.file, form=given.form, model=given.model, language=given.language, translate=given.translate
    )


def _cues(given: argparse.Namespace) -> int:
    from kadr.commands import cues

    return cues.run(given.words, given.format, given.profile, given.language)


def _models(given: argparse.Namespace) -> int:
    from kadr.commands import models

    return models.run_list() if given.what == "list" else models.run_fetch(given.name)


def _sign(given: argparse.Namespace) -> int:
    from kadr.commands import sign

    return sign.run(given)


def _check(given: argparse.Namespace) -> int:
    from hls_checker import report
    from hls_checker.errors import CheckError

    try:
        return report.run(given.url, dash_url=given.dash, as_json=given.json, everything=given.all)
    except CheckError as exc:  # which is no KadrError: the checker knows nothing of Kadr
        raise KadrError(str(exc)) from exc


def _bench(given: argparse.Namespace) -> int:
    # By name: no module of the product imports the benchmarks, which are in a checkout only.
    if importlib.util.find_spec("benchmarks") is None:
        raise ConfigError(
            "the benchmarks are not installed; they are run from a checkout of Kadr: "
            f"make setup && .venv/bin/kadr bench {given.name}"
        )
    code: int = importlib.import_module(f"benchmarks.questions.{given.name}").main(given.args)
    return code


def _steer(given: argparse.Namespace) -> int:
    from kadr.commands import steer

    return steer.run(
        Settings.load(), to=given.to, auto=given.auto, end=given.end, resume=given.resume, delivered=given.delivered
    )


def _api(_: argparse.Namespace) -> int:
    from ingest.app import create

    settings = _settings()
    return _serve(create(settings), settings.api_host, settings.api_port)


def _origin(given: argparse.Namespace) -> int:
    from kadr.commands.several_processes import run_several
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
        shutdown_timeout=SHUTDOWN_WAIT_S,
        handler_cancellation=True,
    )
    return 0


def _worker(_: argparse.Namespace) -> int:
    from workers.engine.run import run

    asyncio.run(run(_settings()))
    return 0


def _reconcile(_: argparse.Namespace) -> int:
    from workers.engine.reconciler import once

    asyncio.run(once(_settings()))
    return 0


def _migrate(given: argparse.Namespace) -> int:
    from kadr.commands.migrate import migrate

    first_api_key = os.environ.get("KADR_BOOTSTRAP_API_KEY")
    asyncio.run(migrate(_settings(), first_api_key, buckets=not given.skip_buckets))
    return 0


_COMMANDS = {
    "up": _up,
    "ingest": _ingest,
    "plan": _plan,
    "encode": _encode,
    "posters": _posters,
    "transcribe": _transcribe,
    "cues": _cues,
    "models": _models,
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
