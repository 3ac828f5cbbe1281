"""What holds for each kind of step, in one table: `TRAITS`. No I/O.

What a kind of step is to the queue stands here: which slots of a worker it takes, what its failure means, whether it
holds up a reprocess, whether it is part of an encode, and how much of an asset's progress it is. SQL takes most of the
lists as parameters. What a single kind does beyond that is in its own file in workers/steps/.

To add a kind of step:

1. its name in `core.model.StepKind`, and one row here, at its place in the order of the pipeline;
2. one file in `workers/steps/`, named like the kind, with the function that does the work;
3. one line in `workers/engine/step_functions.py`, which maps the kind to that function;
4. its name in the row "Step" of docs/glossary.md;
5. its place in the sets and the count of tests/unit/core/test_step_kinds.py, which fails until these five are there;
6. whoever queues it, or it never runs: a step before it by `next_steps` of its Outcome (publish and analyse are
   examples), or a handler in ingest/ by `core.db.steps.insert`. The diagram in step_functions.py shows who follows
   whom, and docs/architecture.md has the same for readers.

Depending on its traits:

- encode_part: workers/steps/analyse.py counts it among the parts that publish waits for, and its output needs what
  workers/title.py reads of every part.
- failure TRACK or POSTER: its input names the track or the wanted poster (workers/engine/failures.py), and a kind that
  makes tracks stands in core/db/sql/tracks.sql.
- on the way to `ready`: `queued_by` of the kinds after it.
- it runs an encoder: it holds its memory first, as workers/steps/encode.py does.
"""

from dataclasses import dataclass
from enum import StrEnum

from core.model import StepKind


class SlotClass(StrEnum):
    """Steps of one class share a worker's slots and a queue of hints, and never wait for a step of another class."""

    LIGHT = "light"  # about a second each
    TRANSFER = "transfer"  # as long as our storage takes
    FETCH = "fetch"  # as long as somebody else's server takes: all that need a way to the internet
    SLOW = "slow"  # minutes of reading a file that is long or strange
    FIRST = "first"  # a person waits for the result
    HEAVY = "heavy"  # minutes of all cores
    EXTRA = "extra"  # seconds to minutes of CPU, for what the title can be without
    SPEECH = "speech"  # minutes to hours of CPU: the captions of an hour hold up no album

    @property
    def kinds(self) -> frozenset[StepKind]:
        """The kinds of step that take these slots."""
        return frozenset(kind for kind, traits in TRAITS.items() if traits.slots is self)

    @property
    def waits_for_network(self) -> bool:
        """Whether its steps are charged by the time they hold a slot, as they hardly take CPU time."""
        return self in (SlotClass.TRANSFER, SlotClass.FETCH)


class FailureScope(StrEnum):
    """What is marked as failed when a step cannot be done."""

    ASSET = "asset"  # the asset is errored, and what else is queued of the run is stopped
    TRACK = "track"  # the track that the step makes; the title plays on without it
    POSTER = "poster"  # the owner's choice of a poster; the one before stays
    NOTHING = "nothing"  # the title is as good as before


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What holds for one kind of step: a row of the table."""

    slots: SlotClass
    failure: FailureScope
    blocks_reprocess: bool  # while one is queued or leased, reprocess and replace-source answer 409
    may_outlive_publish: bool = False  # of use to viewers who began before `ready` alone: then it blocks nothing
    begins_run: bool = False  # a step without a run starts one: its id names the run of the steps that follow it
    encode_part: bool = False  # publish waits for it and joins what it made
    survives_stop: bool = False  # stays queued when another step of its run fails
    progress_weight: float = 0.0  # share of the way to `ready`; 0: not on that way
    queued_by: tuple[StepKind, ...] = ()  # while one of these is not done, a step of this kind may still come


TRAITS: dict[StepKind, Traits] = {
    # The way of an upload to `ready`, in its order: the progress of an asset depends on it.
    StepKind.ACCEPT: Traits(
        slots=SlotClass.TRANSFER,
        failure=FailureScope.ASSET,
        blocks_reprocess=True,
        begins_run=True,
        progress_weight=0.1,
    ),
    StepKind.FETCH: Traits(
        slots=SlotClass.FETCH,
        failure=FailureScope.ASSET,
        blocks_reprocess=True,
        begins_run=True,
        progress_weight=0.1,
    ),
    StepKind.PROBE: Traits(
        slots=SlotClass.LIGHT,
        failure=FailureScope.ASSET,
        blocks_reprocess=True,
        begins_run=True,  # of a reprocess of what an earlier release has probed
        progress_weight=0.05,
        queued_by=(StepKind.ACCEPT, StepKind.FETCH),
    ),
    StepKind.LONG_PROBE: Traits(
        slots=SlotClass.SLOW,
        failure=FailureScope.ASSET,
        blocks_reprocess=True,
        progress_weight=0.05,
        queued_by=(StepKind.ACCEPT, StepKind.FETCH, StepKind.PROBE),
    ),
    StepKind.PLAN: Traits(
        slots=SlotClass.LIGHT,
        failure=FailureScope.ASSET,
        blocks_reprocess=True,
        begins_run=True,  # of a reprocess
        progress_weight=0.01,
        queued_by=(StepKind.PROBE, StepKind.LONG_PROBE),
    ),
    StepKind.REFRAME: Traits(
        slots=SlotClass.FIRST,
        failure=FailureScope.ASSET,
        blocks_reprocess=True,
        progress_weight=0.05,
        queued_by=(StepKind.PLAN,),
    ),
    StepKind.REMUX: Traits(
        slots=SlotClass.FIRST,
        failure=FailureScope.ASSET,
        blocks_reprocess=True,
        encode_part=True,
        progress_weight=0.05,
        queued_by=(StepKind.PLAN, StepKind.REFRAME),
    ),
    StepKind.FIRST_RUNG: Traits(
        slots=SlotClass.FIRST,
        failure=FailureScope.ASSET,
        blocks_reprocess=True,
        encode_part=True,
        progress_weight=0.1,
        queued_by=(StepKind.PLAN, StepKind.REFRAME, StepKind.REMUX),
    ),
    StepKind.FIRST_SOUND: Traits(
        slots=SlotClass.FIRST,
        failure=FailureScope.NOTHING,  # the title is not playable early; its sound is encoded again in any case
        blocks_reprocess=True,
        may_outlive_publish=True,  # publish does not wait for it
        progress_weight=0.02,
        queued_by=(StepKind.PLAN, StepKind.REFRAME, StepKind.REMUX),
    ),
    StepKind.ANALYSE: Traits(
        slots=SlotClass.HEAVY,
        failure=FailureScope.ASSET,
        blocks_reprocess=True,
        progress_weight=0.1,
        queued_by=(StepKind.PLAN, StepKind.REFRAME, StepKind.REMUX),
    ),
    StepKind.ENCODE: Traits(
        slots=SlotClass.HEAVY,
        failure=FailureScope.ASSET,
        blocks_reprocess=True,
        encode_part=True,
        progress_weight=0.5,
        queued_by=(StepKind.ANALYSE,),
    ),
    StepKind.SOUND: Traits(
        slots=SlotClass.HEAVY,
        failure=FailureScope.ASSET,
        blocks_reprocess=True,
        encode_part=True,
        progress_weight=0.05,
        queued_by=(StepKind.ANALYSE,),
    ),
    StepKind.PUBLISH: Traits(
        slots=SlotClass.LIGHT,
        failure=FailureScope.ASSET,
        blocks_reprocess=True,
        progress_weight=0.05,
        queued_by=(StepKind.REMUX, StepKind.FIRST_RUNG, StepKind.ANALYSE, StepKind.ENCODE, StepKind.SOUND),
    ),
    # What is added to a title, and republished with it.
    # Most of a dub is its download.
    StepKind.DUB: Traits(slots=SlotClass.FETCH, failure=FailureScope.TRACK, blocks_reprocess=False),
    StepKind.TRANSCRIBE: Traits(slots=SlotClass.SPEECH, failure=FailureScope.TRACK, blocks_reprocess=False),
    StepKind.TRANSLATE: Traits(slots=SlotClass.SPEECH, failure=FailureScope.TRACK, blocks_reprocess=False),
    StepKind.REPUBLISH: Traits(slots=SlotClass.LIGHT, failure=FailureScope.ASSET, blocks_reprocess=False),
    # What a title can be without.
    StepKind.EXTRACT: Traits(slots=SlotClass.EXTRA, failure=FailureScope.NOTHING, blocks_reprocess=False),
    StepKind.DOWNLOADS: Traits(slots=SlotClass.EXTRA, failure=FailureScope.NOTHING, blocks_reprocess=False),
    StepKind.PICTURES: Traits(slots=SlotClass.EXTRA, failure=FailureScope.NOTHING, blocks_reprocess=False),
    # Its owner has just chosen it and looks at the page: not behind the albums of other titles.
    StepKind.POSTER: Traits(slots=SlotClass.FIRST, failure=FailureScope.POSTER, blocks_reprocess=False),
    # Tidying up.
    StepKind.DISCARD: Traits(
        slots=SlotClass.LIGHT, failure=FailureScope.NOTHING, blocks_reprocess=False, survives_stop=True
    ),
    StepKind.PURGE: Traits(
        slots=SlotClass.FETCH, failure=FailureScope.NOTHING, blocks_reprocess=False, survives_stop=True
    ),
    StepKind.DELETE: Traits(
        slots=SlotClass.LIGHT, failure=FailureScope.NOTHING, blocks_reprocess=False, survives_stop=True
    ),
}

BLOCK_REPROCESS = frozenset(kind for kind, traits in TRAITS.items() if traits.blocks_reprocess)
BLOCK_REPROCESS_OF_READY = frozenset(kind for kind in BLOCK_REPROCESS if not TRAITS[kind].may_outlive_publish)
BEGIN_RUN = frozenset(kind for kind, traits in TRAITS.items() if traits.begins_run)
PROBES = frozenset({StepKind.PROBE, StepKind.LONG_PROBE})
ENCODE_PARTS = frozenset(kind for kind, traits in TRAITS.items() if traits.encode_part)
SURVIVE_STOP = frozenset(kind for kind, traits in TRAITS.items() if traits.survives_stop)
ON_THE_WAY = tuple(kind for kind, traits in TRAITS.items() if traits.progress_weight)  # to `ready`, in order
