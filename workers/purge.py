"""purge: every CDN drops what it keeps below a prefix. Those that did it are not asked again for another's failure."""

from core.errors import Transient
from core.logs import Log
from origin import cdn_file
from origin.purge.purger import PurgeRefused, purge_everywhere
from origin.purge.registry import purgers
from workers.stage import Assignment, Outcome, Tools

_LOG = Log("purge")


async def purge(tools: Tools, work: Assignment) -> Outcome:
    """Raises Transient while a CDN cannot be asked, PurgeRefused where one will not."""
    cdns = cdn_file.load(tools.settings.cdns, tools.settings.origin_base)
    prefix = work.step.input["prefix"]
    asked = purgers(cdns)
    failed = await purge_everywhere(asked, prefix)
    for pathway, exc in failed.items():
        _LOG.warning("purge.failed", pathway=pathway, prefix=prefix, error=repr(exc))
    told = "; ".join(f"{pathway}: {exc}" for pathway, exc in failed.items())
    if any(isinstance(exc, PurgeRefused) for exc in failed.values()):
        raise PurgeRefused(told)
    if failed:
        raise Transient(told)
    return Outcome(output={"purged": sorted(asked)})
