"""The steps by kind. Each names what follows it; the first, accept, is owed by the door that completes an upload."""

from core.model import StepKind
from workers.accept import accept
from workers.encode import encode
from workers.plan import plan
from workers.probe import probe
from workers.publish import publish
from workers.stage import Stage

STAGES: dict[StepKind, Stage] = {
    StepKind.ACCEPT: accept,
    StepKind.PROBE: probe,
    StepKind.PLAN: plan,
    StepKind.ENCODE: encode,
    StepKind.PUBLISH: publish,
}
