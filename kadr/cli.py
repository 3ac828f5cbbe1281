"""The command line: one function per subcommand.

Exit codes: 1 when a file is refused or cannot be processed or uploaded, 2 for every other error, 130 after Ctrl-C, 141
when nobody reads the output any more, as in `| head`. An error is one sentence on stderr, without a traceback.
"""

import argparse
import asyncio
import importlib
import importlib.util
import os
import signal
import sys
from typing import Any

from core.errors import ConfigError, KadrError, Rejected
from core.settings import Settings, secret
from core.telemetry import logs
from kadr.error_text import CannotIngest

# aiohttp waits this long twice: for open requests, then for cancelled ones. `kadr up` kills an app after
# kadr.stack.apps.STOP_WITHIN_S, which must exceed both waits and the time to close connections.


def main() -> None:
    """Parse the command line, run the subcommand and exit with its code."""
    name = "kadr"
    try:
        from kadr.arguments import parser  # reads the presets, which an operator may have changed

        args = parser().parse_args()
        name = f"kadr {args.command}"
        code = _COMMANDS[args.command](args)
        sys.stdout.flush()
        sys.exit(code)
    except CannotIngest as exc:
        sys.exit(_fail(str(exc), 1))
    except Rejected as exc:
        sys.exit(_fail(f"{name}: {exc.code}: {exc} {exc.hint}", 1))
    except KadrError as exc:
        sys.exit(_fail(f"{name}: {exc}", 2))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to print when Python ends
        sys.exit(141)


def _fail(sentence: str, code: int) -> int:
    """Print an error to stderr; returns the exit code."""
    print(sentence, file=sys.stderr)
    return code


def _settings() -> Settings:
    """Load the settings and set up logging, as every long-running program does first."""
    settings = Settings.load()
    logs.configure(settings.log_level)
    return settings


def _up(args: argparse.Namespace) -> int:
    from kadr.video_file import problem_with

    # Checked first: the imports below take seconds.
    if args.video is not None and (problem := problem_with(args.video)):
        raise ConfigError(f"--video {problem}")
    from kadr.commands.up_video import UpVideo
    from kadr.stack.up import up

    video = UpVideo(args.video and args.video.expanduser())
    return asyncio.run(up(args.home, args.port, video.on_ready))


def _ingest(args: argparse.Namespace) -> int:
    from kadr.commands import api_client, ingest

    return asyncio.run(
        ingest.ingest(
            api_client.Target.from_environment(os.environ),
            args.file,
            ingest.UploadRequest(
                title=args.title,
                ref=args.ref,
                policy=args.policy,
                language=args.language,
                options=upload_options(args),
            ),
            state_file=args.resume,
            as_json=args.json,
        )
    )


def upload_options(args: argparse.Namespace) -> dict[str, Any]:
    """The encode options of the command line, as fields of the upload request of the API."""
    from kadr.commands import ingest

    options: dict[str, Any] = {
        name: getattr(args, name) for name in ("profile", "codec", "effort", "ladder", "reframe")
    }
    given = ("posters", "subtitles", "downloads", "encryption", "allowed_domains")
    about = ("description", "tags", "listed", "page_url", "published_at", "expires_at")
    for name in (*given, *about):
        if (value := getattr(args, name)) is not None:
            options[name] = value
    if args.author:
        options["author"] = {"name": args.author, "url": args.author_url}
    if args.adults_only:
        options["family_friendly"] = False
    if args.metadata:
        options["metadata"] = dict(args.metadata)
    if args.start or args.end is not None:
        options["clip"] = {"start_s": args.start, "end_s": args.end}
    if args.watermark:
        options["watermark"] = {
            "image": ingest.image_in_base64(args.watermark),
            "position": args.watermark_position,
            "width_share": args.watermark_width,
            "opacity": args.watermark_opacity,
        }
    return options


def _assets(args: argparse.Namespace) -> int:
    from kadr.commands import api_client, assets

    return asyncio.run(assets.run_assets(api_client.Target.from_environment(os.environ), args))


def _token(args: argparse.Namespace) -> int:
    from kadr.commands import api_client, assets

    return asyncio.run(assets.run_token(api_client.Target.from_environment(os.environ), args))


def _listen(args: argparse.Namespace) -> int:
    from kadr.commands import api_client, listen

    target = api_client.Target.from_environment(os.environ)
    return asyncio.run(
        listen.listen(target, types=args.types, last=args.last, forward=args.forward, secret=args.secret)
    )


def _studio_link(args: argparse.Namespace) -> int:
    from core.model import OwnerId
    from kadr.commands import studio_link

    return asyncio.run(studio_link.run(OwnerId(args.owner)))


def _cost(args: argparse.Namespace) -> int:
    from kadr.commands import cost

    return asyncio.run(
        cost.run(
            wanted=args.scenario,
            variant=args.variant,
            prices=args.prices,
            given=cost.given_values(args.set),
            measured=args.measured,
            plain_json=args.json,
            plot=args.plot,
        )
    )


def _plan(args: argparse.Namespace) -> int:
    from kadr.commands import encode

    return encode.run_plan(encode.request_of(args), as_json=args.json)


def _encode(args: argparse.Namespace) -> int:
    from kadr.commands import encode

    return encode.run_encode(encode.request_of(args), args.out, as_json=args.json)


def _posters(args: argparse.Namespace) -> int:
    from kadr.commands import posters

    return posters.run(args.file, args.json, args.profile)


def _transcribe(args: argparse.Namespace) -> int:
    from kadr.commands import transcribe

    return transcribe.run(args.file, form=args.form, model=args.model, language=args.language, translate=args.translate)


def _cues(args: argparse.Namespace) -> int:
    from kadr.commands import cues

    return cues.run(args.words, args.format, args.profile, args.language)


def _models(args: argparse.Namespace) -> int:
    from kadr.commands import models

    return models.run_list() if args.what == "list" else models.run_fetch(args.name)


def _sign(args: argparse.Namespace) -> int:
    from kadr.commands import sign

    return sign.run(args)


def _usage(args: argparse.Namespace) -> int:
    from kadr.commands import usage

    return asyncio.run(usage.run(args))


def _check(args: argparse.Namespace) -> int:
    if args.seo:
        return _check_seo(args)
    if unused := [f"--{name}" for name in ("rate", "limit", "only", "metrics") if getattr(args, name) is not None]:
        raise ConfigError(f"{unused[0]} goes with --seo only; add --seo to check a site")
    from hls_checker import report
    from hls_checker.errors import CheckError

    try:
        return report.run(args.url, dash_url=args.dash, as_json=args.json, everything=args.all, decode=args.decode)
    except CheckError as exc:  # not a KadrError: the checker imports nothing of Kadr
        raise KadrError(str(exc)) from exc


def _check_seo(args: argparse.Namespace) -> int:
    from seo_checker import report
    from seo_checker.errors import CheckError
    from seo_checker.fetch import DEFAULT_RATE, CrawlLimits

    if args.dash or args.decode:
        raise ConfigError(f"{'--dash' if args.dash else '--decode'} does not go with --seo, which checks a site")
    limits = CrawlLimits(rate=args.rate or DEFAULT_RATE, pages=args.limit, only=args.only or "")
    try:
        return report.run(args.url, limits=limits, as_json=args.json, everything=args.all, metrics=args.metrics)
    except CheckError as exc:  # not a KadrError: the checker imports nothing of Kadr
        raise KadrError(str(exc)) from exc


def _bench(args: argparse.Namespace) -> int:
    # Imported by name: no module of the product depends on the benchmarks, which exist in a checkout only.
    if importlib.util.find_spec("benchmarks") is None:
        raise ConfigError(
            "the benchmarks are not installed; run them from a checkout of Kadr: "
            f"make setup && .venv/bin/kadr bench {args.name}"
        )
    # As Ctrl-C does it: what a benchmark has started is stopped, and its folders are removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code: int = importlib.import_module(f"benchmarks.questions.{args.name}").main(args.args)
    return code


def _steer(args: argparse.Namespace) -> int:
    from kadr.commands import steer

    return steer.run(
        Settings.load(), to=args.to, auto=args.auto, end=args.end, resume=args.resume, delivered=args.delivered
    )


def _api(_: argparse.Namespace) -> int:
    from core.http import server
    from ingest.app import create

    settings = _settings()
    server.serve(create(settings), settings.api_host, settings.api_port, drain_s=settings.drain_s)
    return 0


def _origin(args: argparse.Namespace) -> int:
    from core.http import server
    from kadr.commands.several_processes import run_several
    from origin.app import create

    settings = _settings()
    if not 1 <= args.processes <= 256:
        raise ConfigError(f"--processes {args.processes}: give a number from 1 to 256")
    _raise_open_file_limit()

    def serve(number: int) -> int:
        """One process. Metrics are each process's own, and so is their port."""
        metrics_port = settings.metrics_port and settings.metrics_port + number
        own = settings.model_copy(update={"metrics_port": metrics_port})
        shared = args.processes > 1
        host, port = settings.origin_host, settings.origin_port
        server.serve(create(own), host, port, drain_s=settings.drain_s, reuse_port=shared)
        return 0

    return serve(0) if args.processes == 1 else run_several(args.processes, serve)


def _raise_open_file_limit() -> None:
    """Raise the limit of open files to the hard limit: each viewer takes a connection and an open segment."""
    import resource

    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))


def _worker(_: argparse.Namespace) -> int:
    from workers.engine.run import run

    asyncio.run(run(_settings()))
    return 0


def _dispatcher(_: argparse.Namespace) -> int:
    from workers.dispatcher.run import run

    asyncio.run(run(_settings()))
    return 0


def _reconcile(_: argparse.Namespace) -> int:
    from workers.engine.reconciler import once

    asyncio.run(once(_settings()))
    return 0


def _migrate(args: argparse.Namespace) -> int:
    from kadr.commands.migrate import check, migrate

    if args.check:
        reason = asyncio.run(check(_settings()))
        if reason is not None:
            print(f"kadr migrate: {reason}", file=sys.stderr)
        return 0 if reason is None else 1
    first_api_key = secret("KADR_BOOTSTRAP_API_KEY")
    asyncio.run(migrate(_settings(), first_api_key, buckets=not args.skip_buckets))
    return 0


_COMMANDS = {
    "up": _up,
    "ingest": _ingest,
    "assets": _assets,
    "token": _token,
    "listen": _listen,
    "studio-link": _studio_link,
    "cost": _cost,
    "plan": _plan,
    "encode": _encode,
    "posters": _posters,
    "transcribe": _transcribe,
    "cues": _cues,
    "models": _models,
    "sign": _sign,
    "usage": _usage,
    "check": _check,
    "bench": _bench,
    "api": _api,
    "origin": _origin,
    "steer": _steer,
    "worker": _worker,
    "dispatcher": _dispatcher,
    "reconcile": _reconcile,
    "migrate": _migrate,
}
