"""The subcommands about money: `kadr cost`, and `kadr usage`, which counts what CDNs have delivered."""

import argparse
from datetime import date
from pathlib import Path

from core.model import UsageBy
from kadr.delivery_logs.formats import FORMATS
from kadr.subcommand import Commands, add_command
from presets.document import names


def add_cost(commands: Commands) -> None:
    cost = add_command(
        commands,
        "cost",
        "say what a platform costs a month, beside others, and which settings change that",
        "Prints the answer, the bill, what others charge for the same work, what to change, and every assumption with"
        " where it comes from. docs/cost.md explains each line.",
    )
    cost.add_argument(
        "--scenario",
        metavar="NAME|FILE",
        help=f"one of {', '.join(names('scenarios'))}, or a YAML file (default: 1m-mau; with --measured: installation)",
    )
    cost.add_argument("--variant", default="base", metavar="NAME", help="a variant of the scenario")
    cost.add_argument(
        "--prices", metavar="NAME|FILE", help=f"one of {', '.join(names('prices'))}, or a YAML file laid over it"
    )
    cost.add_argument(
        "--set", action="append", default=[], metavar="NAME=NUMBER", help="another value for an input; repeatable"
    )
    cost.add_argument(
        "--measured",
        action="store_true",
        help="with what the database of KADR_DATABASE_URL, else of the `kadr up` in KADR_HOME, knows of its own work",
    )
    cost.add_argument("--json", action="store_true", help="print all of it as JSON")
    cost.add_argument("--plot", type=Path, metavar="FILE.png", help="draw it, too; needs the extra `bench`")


def add_usage(commands: Commands) -> None:
    usage = add_command(
        commands,
        "usage",
        "count what CDNs have delivered by their logs, or show it",
        "Reads the database of KADR_DATABASE_URL, else of the `kadr up` in KADR_HOME.",
    )
    what = usage.add_subparsers(dest="what", required=True, metavar="ACTION")
    imported = add_command(
        what,
        "import",
        "count log files of a CDN",
        "Each file counts once, whatever its name; of one that has grown only what is new does. Exits with 1 where"
        " files or lines could not be counted; they are named, and the others count.",
    )
    imported.add_argument("--format", dest="log_format", choices=sorted(FORMATS), required=True, help="whose logs")
    imported.add_argument(
        "--pathway", metavar="ID", help="id of the CDN in KADR_CDNS (default: the name of the format)"
    )
    imported.add_argument("--json", action="store_true", help="print the result as JSON")
    imported.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a log file, plain or gzipped")
    show = add_command(what, "show", "show bytes and requests that were delivered")
    show.add_argument(
        "--by", choices=[by.value for by in UsageBy], default=UsageBy.DAY.value, help="what they are summed by"
    )
    show.add_argument("--since", type=_day, metavar="DAY", help="the first day, in UTC (default: 30 days ago)")
    show.add_argument("--until", type=_day, metavar="DAY", help="the last day (default: today)")
    show.add_argument("--owner", metavar="ID", help="of the assets of this owner only")
    show.add_argument("--json", action="store_true", help="print the sums as JSON")


def _day(text: str) -> date:
    """A day of 2000 to 2199, of an option. Raises ArgumentTypeError for any other text."""
    try:
        day = date.fromisoformat(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"{text!r} is no day, as in 2026-11-30") from exc
    if not 2000 <= day.year < 2200:
        raise argparse.ArgumentTypeError(f"{text!r} is not from 2000 to 2199")
    return day
