"""The steps by kind. Each names what follows it; accept and fetch, the first, are owed by the
write door, as are discard and delete."""

from core.model import StepKind
from workers.accept import accept
from workers.delete import delete
from workers.discard import discard
from workers.encode import encode
from workers.fetch import fetch
from workers.plan import plan
from workers.probe import probe
from workers.publish import publish
from workers.stage import Stage

STAGES: dict[StepKind, Stage] = {
    StepKind.ACCEPT: accept,
    StepKind.FETCH: fetch,
    StepKind.PROBE: probe,
    StepKind.PLAN: plan,
    StepKind.ENCODE: encode,
    StepKind.PUBLISH: publish,
    StepKind.DISCARD: discard,
    StepKind.DELETE: delete,
}
