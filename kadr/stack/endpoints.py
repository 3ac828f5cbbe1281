"""endpoints.json: how other programs reach a running stack. The file exists only while the stack is ready.

In: `Endpoints`. Out: the file, written atomically with mode 0600, because it contains the API key.
"""

import dataclasses
import json
from collections.abc import Mapping

from kadr.stack.home import Home, write_private


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """URLs, the API key and process ids of a running stack; secrets are left out of its repr.

    `studio`: signs one browser in, once, within ten minutes of the start. `site`: base of the pages for viewers.
    """

    api: str
    origin: str
    site: str
    studio: str = dataclasses.field(repr=False)
    s3: str
    database_url: str = dataclasses.field(repr=False)
    redis_url: str = dataclasses.field(repr=False)
    api_key: str = dataclasses.field(repr=False)
    pid: int
    worker_pids: tuple[int, ...]
    metrics: Mapping[str, str]  # by program (of workers the first one): the URLs of their metrics


def link_url(api: str, token: str) -> str:
    """The sign-in link of a studio at this base URL."""
    return f"{api}/studio/sign-in?link={token}"


def write_endpoints(home: Home, endpoints: Endpoints) -> None:
    """Write endpoints.json atomically."""
    write_private(home.path / "endpoints.json", json.dumps(dataclasses.asdict(endpoints), indent=2) + "\n")


def remove_endpoints(home: Home) -> None:
    """Delete endpoints.json, if it exists: the stack is not ready (any more)."""
    (home.path / "endpoints.json").unlink(missing_ok=True)
