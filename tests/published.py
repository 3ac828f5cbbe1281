"""Every published title in the tests goes through the checker: `assert await faults(url) == []`."""

from kadr.check import rules
from kadr.check.fetch import Limits
from kadr.check.gather import gather
from kadr.check.rules import Severity

QUICK = Limits(file_s=20, total_s=120)


async def faults(url: str, *, dash_url: str | None = None, shoulds: bool = True) -> list[str]:
    """A line per broken rule in the title at `url`, also of rules that should hold unless `shoulds` is False.

    Raises kadr.check.gather.CannotCheck where there is no multivariant playlist.
    """
    title = await gather(url, dash_url=dash_url, limits=QUICK, on_progress=lambda *_: None)
    return [str(fault) for fault in rules.faults(title) if shoulds or fault.severity is Severity.MUST]
