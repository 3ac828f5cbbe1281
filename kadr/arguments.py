"""What `kadr` can be asked for: subcommands and their options. Reads nothing and runs nothing."""

import argparse
from pathlib import Path
from typing import get_args

from core.media.crop import Reframe
from presets.caption import CAPTION_NAMES
from presets.effort import Effort
from presets.poster import NAMES as POSTERS
from presets.profile import DEFAULT_NAME, UPRIGHT_NAMES
from presets.profile import NAMES as PROFILES
from presets.rung import Codec
from transcode.plan.watermark import Position

DEFAULT_HOME = Path(".kadr")
BENCHMARKS = ("api", "click_through", "origin", "overhead", "subtitles", "thumbnails", "transcode", "workers")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    root = argparse.ArgumentParser(prog="kadr", description="Self-hosted video: uploads in, signed HLS out.")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")

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

    _add_encode(commands)
    _add_alone(commands)
    _add_sign_options(commands.add_parser("sign", help="sign a path prefix as one of the CDNs wants it"))
    _add_check(commands)

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
    steer.add_argument("--delivered", metavar="ID=GB", help="report a CDN's usage of this month, for max_gb_per_month")

    for name, text in (
        ("api", "the write door: uploads and assets over HTTP"),
        ("worker", "claim steps and work on them"),
        ("reconcile", "one round of the backstop: expired uploads, unseen work, stuck assets"),
    ):
        commands.add_parser(name, help=text)
    migrate = commands.add_parser("migrate", help="bring the database up to date and make the buckets")
    migrate.add_argument("--skip-buckets", action="store_true", help="the database only; the buckets are there")
    return root


def _add_encode(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`plan` and `encode`, on one file with no services."""
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


def _add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`check`, which holds a published title against the rules of HLS."""
    check = commands.add_parser("check", help="hold a published title against the rules of HLS")
    check.add_argument("url", metavar="URL", help="of a multivariant playlist, or the path of one")
    check.add_argument("--dash", metavar="URL", help="its DASH manifest (default: manifest.mpd beside it, if any)")
    check.add_argument("--json", action="store_true", help="print what was found as JSON")
    check.add_argument("--all", action="store_true", help="every repetition of a fault, and the rules that hold")


def _add_alone(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Stages on one file, with no services."""
    posters = commands.add_parser("posters", help="the frames of a file that could stand for it, and why")
    posters.add_argument("file", type=Path)
    posters.add_argument("--profile", choices=POSTERS, default="general", help="what the picture is for")
    posters.add_argument("--json", action="store_true", help="print every signal as JSON")

    transcribe = commands.add_parser("transcribe", help="what is said in a file, by the Whisper model of the settings")
    transcribe.add_argument("file", type=Path)
    transcribe.add_argument("--model", metavar="NAME", help="or a folder, instead of KADR_WHISPER_MODEL")
    transcribe.add_argument("--language", help="spoken language, for example en (default: found out)")
    transcribe.add_argument("--translate", action="store_true", help="into English")
    form = transcribe.add_mutually_exclusive_group()
    form.add_argument(
        "--words",
        dest="form",
        action="store_const",
        const="words",
        default="text",
        help="print words with times, as kadr cues takes them",
    )
    form.add_argument("--json", dest="form", action="store_const", const="json", help="print everything as JSON")

    cues = commands.add_parser("cues", help="words with times -> captions")
    cues.add_argument("words", type=Path, metavar="WORDS.json", help='[{"start", "end", "word"}], in seconds')
    cues.add_argument("--format", choices=("vtt", "srt"), default="vtt")
    cues.add_argument("--profile", choices=CAPTION_NAMES, default="standard", help="how lines and times are chosen")
    cues.add_argument("--language", help="for example en (default: the script decides)")

    models = commands.add_parser("models", help="the Whisper models on this machine")
    what = models.add_subparsers(dest="what", required=True, metavar="WHAT")
    what.add_parser("list", help="those that are here, and the names that can be fetched")
    what.add_parser("fetch", help="download one, on purpose").add_argument("name", metavar="NAME")


def _add_options(parser: argparse.ArgumentParser, *, alone: bool) -> None:
    """What can be wished of an encode; `alone`: with no services, which has a few options more."""
    parser.add_argument("--profile", choices=PROFILES, default=DEFAULT_NAME, help="what kind of video it is")
    parser.add_argument("--codec", choices=[codec.value for codec in Codec], default="h264")
    parser.add_argument(
        "--ladder", choices=("smart", "apple"), default="smart", help="measured for this title, or Apple's fixed one"
    )
    parser.add_argument("--effort", choices=[effort.value for effort in Effort], default="balanced")
    parser.add_argument(
        "--reframe",
        choices=[wish.value for wish in Reframe],
        default="auto",
        help=f"crop a wide picture to 9:16, shot by shot (auto: for {', '.join(UPRIGHT_NAMES)})",
    )
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
