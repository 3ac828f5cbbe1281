"""purge: every CDN drops what it has cached below a prefix."""

from core.errors import Transient
from core.telemetry.logs import Log
from origin.cdn import cdn_file
from origin.cdn.purge.purger import PurgeRefused, purge_everywhere
from origin.cdn.purge.registry import purgers
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext

_LOG = Log("purge")


async def purge(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Purge at every CDN; the output names them. Raises Transient where one cannot be reached, PurgeRefused where one
    answers that it will not."""
    cdns = cdn_file.load(worker.settings.cdns, worker.settings.origin_base)
    prefix = claimed.step.input["prefix"]
    by_pathway = purgers(cdns)
    failed = await purge_everywhere(by_pathway, prefix)
    for pathway, exc in failed.items():
        _LOG.warning("purge.failed", pathway=pathway, prefix=prefix, error=repr(exc))
    failures = "; ".join(f"{pathway}: {exc}" for pathway, exc in failed.items())
    if any(isinstance(exc, PurgeRefused) for exc in failed.values()):
        raise PurgeRefused(failures)
    if failed:
        raise Transient(failures)
    return Outcome(output={"purged": sorted(by_pathway)})
