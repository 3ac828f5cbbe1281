"""Options of an upload beside those of its encoding: what else is made of it, and what pages say of it."""

import argparse

from packager.encryption import Encryption
from presets.document import current_name
from presets.poster import NAMES as POSTERS
from transcode.plan.options import Downloads


def _name_and_value(text: str) -> tuple[str, str]:
    """(NAME, VALUE) of `NAME=VALUE`. Raises ArgumentTypeError."""
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def add_upload_options(command: argparse.ArgumentParser) -> None:
    """What an upload can have made beside its renditions, and the owner's own data."""
    command.add_argument(
        "--posters",
        type=current_name,
        choices=POSTERS,
        help="what posters are selected for (default: set by the profile)",
    )
    command.add_argument(
        "--subtitles", choices=("none", "auto"), help="auto generates subtitles (default: set by the server)"
    )
    command.add_argument(
        "--downloads", choices=[one.value for one in Downloads], help="MP4 and M4A files to download (default: none)"
    )
    command.add_argument(
        "--encryption", choices=[one.value for one in Encryption], help="encryption of segments (default: none)"
    )
    command.add_argument(
        "--allowed-domain",
        dest="allowed_domains",
        action="append",
        metavar="DOMAIN",
        help="domain of a page that may play it, or *.DOMAIN for its subdomains; repeatable (default: any page)",
    )
    command.add_argument(
        "--metadata",
        action="append",
        type=_name_and_value,
        metavar="NAME=VALUE",
        help="your own data, kept with the asset; repeatable",
    )


def add_page_options(command: argparse.ArgumentParser) -> None:
    """What pages say of an upload, and whether search engines may find it."""
    page = command.add_argument_group("pages and search engines")
    page.add_argument("--description", help="what happens in the video")
    page.add_argument("--tag", dest="tags", action="append", metavar="TAG", help="subject; repeatable")
    page.add_argument(
        "--listed",
        action=argparse.BooleanOptionalAction,
        help="whether search engines may find it (default: as the account says)",
    )
    page.add_argument("--page-url", metavar="URL", help="your own page that shows it")
    page.add_argument("--author", metavar="NAME", help="who made it")
    page.add_argument("--author-url", metavar="URL", help="the author's page; with --author")
    page.add_argument("--adults-only", action="store_true", help="it is not for children")
    page.add_argument("--published-at", metavar="TIME", help="such as 2026-11-30T12:00:00Z (default: when it is ready)")
    page.add_argument("--expires-at", metavar="TIME", help="from then on nobody can watch it (default: never)")
