"""`python -m benchmarks.load.prepare [--clean-up]`: what the scenario requests, made in KADR_API_URL's installation.

For generators that are no asyncio programs. Prints the URLs of each kind as JSON; with --clean-up it removes all again.
"""

import argparse
import asyncio
import json
import sys

from benchmarks.harness.client import Api
from benchmarks.load.scenario import clean_up, prepare

TITLES, TOKENS = 4, 400


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.prepare", description=__doc__)
    parser.add_argument("--clean-up", action="store_true", help="delete what was made")
    api = Api.from_environment()
    if parser.parse_args().clean_up:
        asyncio.run(clean_up(api))
    else:
        json.dump(dict(asyncio.run(prepare(api, TITLES, TOKENS)).urls), sys.stdout)


if __name__ == "__main__":
    main()
