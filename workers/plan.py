"""plan: facts and wishes -> the encode to do, and what is shown first."""

from core.errors import Rejected
from core.model import StepKind
from packager.encryption import Encryption
from transcode.options import options_from_json
from transcode.plan import plan as decide
from transcode.source import from_json
from workers import encrypt, kept
from workers.first import first_steps
from workers.stage import Assignment, Outcome, Then, Tools


async def plan(tools: Tools, work: Assignment) -> Outcome:
    """Where nothing of the asset is published yet something to watch goes first, the analysis after or beside it; but
    nothing of an encrypted asset, which nobody is to have in the clear."""
    given = work.step.input
    facts, index_sha = from_json(given["facts"]), given.get("index")
    options = options_from_json({**work.asset.options, **given.get("options", {})})
    if options.codec not in tools.codecs:
        raise Rejected(
            "codec_unavailable",
            f"The ffmpeg of this installation does not encode {options.codec}.",
            f"Choose one of {', '.join(sorted(tools.codecs))}.",
        )
    encrypt.check_possible(encrypt.wanted(work.asset), tools.settings)
    decided = decide(facts, await kept.index(tools, work.asset.id, index_sha), options)
    planned = await kept.keep_plan(tools, work.asset.id, decided)
    common = {"source": given["source"], "plan": planned}
    analyse: Then = (StepKind.ANALYSE, {**common, "index": index_sha})
    if decided.passthrough:
        # Whether the track can be had decides the grid of everything else, and is known in a moment.
        then: tuple[Then, ...] = ((StepKind.REMUX, {**common, "index": index_sha}),)
    elif work.asset.revision_id is None and decided.first_rung and encrypt.wanted(work.asset) is Encryption.NONE:
        then = (*first_steps(given["source"], planned, decided), analyse)
    else:
        then = ((StepKind.ANALYSE, {**common, "index": index_sha, "first": False}),)
    return Outcome(output={"plan": planned}, then=then)
