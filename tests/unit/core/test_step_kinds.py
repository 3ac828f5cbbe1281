"""core.step_kinds: every kind of step has its row, and everything that names kinds names the same ones."""

import re

import pytest

from core import step_kinds
from core.model import StepKind
from core.settings import Settings
from core.step_kinds import TRAITS, FailureScope, SlotClass
from tests.checks import ROOT
from workers.engine.step_functions import STAGES

KINDS = frozenset(StepKind)
ON_THE_WAY = {
    *(StepKind.ACCEPT, StepKind.FETCH, StepKind.PROBE, StepKind.LONG_PROBE, StepKind.PLAN),
    *(StepKind.REFRAME, StepKind.REMUX),
    *(StepKind.FIRST_RUNG, StepKind.FIRST_SOUND, StepKind.ANALYSE, StepKind.ENCODE, StepKind.SOUND, StepKind.PUBLISH),
}
TRACK_STEPS = {StepKind.DUB, StepKind.TRANSCRIBE, StepKind.TRANSLATE}
EXTRAS = {StepKind.EXTRACT, StepKind.DOWNLOADS, StepKind.PICTURES}
TIDYING = {StepKind.DISCARD, StepKind.PURGE, StepKind.DELETE}


def test_the_table_has_every_kind() -> None:
    assert len(KINDS) == 24
    assert set(TRAITS) == KINDS


def test_every_kind_has_a_stage() -> None:
    assert set(STAGES) == KINDS


def test_every_kind_has_a_file_of_its_own_in_workers() -> None:
    files = {kind.value: ROOT / "workers" / "steps" / f"{kind.value}.py" for kind in StepKind}
    assert [name for name, path in files.items() if not path.is_file()] == []
    modules = {kind: f"workers.steps.{kind.value}" for kind in StepKind}
    assert {kind: stage.__module__ for kind, stage in STAGES.items()} == modules  # type: ignore[attr-defined]


def test_the_glossary_names_the_kinds_in_the_order_of_the_table() -> None:
    row = re.search(r"^\| Step \|.*?: ([a-z_, ]+) \|$", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    assert row is not None
    assert row[1].split(", ") == [kind.value for kind in TRAITS]


def test_the_glossary_names_the_slot_classes() -> None:
    row = re.search(r"^\| Slot class \|.*?: ([a-z, ]+);", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    assert row is not None
    assert row[1].split(", ") == [slots.value for slots in SlotClass]


def test_every_kind_is_in_one_class_of_slots() -> None:
    kinds = [kind for slots in SlotClass for kind in slots.kinds]
    assert sorted(kinds) == sorted(KINDS)


@pytest.mark.parametrize("slots", SlotClass)
def test_every_class_of_slots_has_kinds_and_a_documented_setting(slots: SlotClass) -> None:
    assert slots.kinds
    assert getattr(Settings(), f"{slots.value}_slots") >= 1
    assert f"`{slots.value.upper()}_SLOTS`" in (ROOT / "docs" / "operations.md").read_text()


def test_what_a_title_can_be_without_has_slots_of_its_own() -> None:
    """So that albums hold up no probe, plan or publication of another upload."""
    extra, light = SlotClass.EXTRA.kinds, SlotClass.LIGHT.kinds
    assert extra == EXTRAS
    assert SlotClass.SPEECH.kinds == {StepKind.TRANSCRIBE, StepKind.TRANSLATE}
    assert light == {StepKind.PROBE, StepKind.PLAN, StepKind.PUBLISH, StepKind.REPUBLISH} | TIDYING - {StepKind.PURGE}


def test_what_takes_as_long_as_a_stranger_likes_is_apart() -> None:
    """A server that sends a byte now and then, a file of three million packets: no upload waits for its slot."""
    assert SlotClass.FETCH.kinds == {StepKind.FETCH, StepKind.DUB, StepKind.PURGE}
    assert SlotClass.SLOW.kinds == {StepKind.LONG_PROBE}
    assert SlotClass.TRANSFER.kinds == {StepKind.ACCEPT}
    assert SlotClass.HEAVY.kinds == {StepKind.ANALYSE, StepKind.ENCODE, StepKind.SOUND}


def test_the_search_for_an_upright_window_is_not_in_the_light_slots() -> None:
    assert TRAITS[StepKind.REFRAME].slots is SlotClass.FIRST


def test_every_kind_fails_for_something() -> None:
    scopes = {scope: {kind for kind in StepKind if TRAITS[kind].failure is scope} for scope in FailureScope}
    assert scopes == {
        FailureScope.ASSET: (ON_THE_WAY | {StepKind.REPUBLISH}) - {StepKind.FIRST_SOUND},
        FailureScope.TRACK: TRACK_STEPS,
        FailureScope.POSTER: {StepKind.POSTER},
        FailureScope.NOTHING: EXTRAS | TIDYING | {StepKind.FIRST_SOUND},
    }


def test_a_reprocess_waits_for_the_way_to_ready_alone() -> None:
    assert set(step_kinds.BLOCK_REPROCESS) == ON_THE_WAY


def test_runs_begin_with_an_upload_a_pull_or_a_reprocess() -> None:
    assert set(step_kinds.BEGIN_RUN) == {StepKind.ACCEPT, StepKind.FETCH, StepKind.PROBE, StepKind.PLAN}


def test_parts_of_an_encode_are_what_a_publication_joins() -> None:
    assert set(step_kinds.ENCODE_PARTS) == {StepKind.REMUX, StepKind.FIRST_RUNG, StepKind.ENCODE, StepKind.SOUND}


def test_only_tidying_survives_the_stop_of_a_run() -> None:
    assert set(step_kinds.SURVIVE_STOP) == TIDYING


def test_progress_is_that_of_the_way_to_ready() -> None:
    assert set(step_kinds.ON_THE_WAY) == ON_THE_WAY


def test_what_queues_a_kind_comes_before_it() -> None:
    """The progress of an asset reads the table from top to bottom."""
    order = list(TRAITS)
    later = {
        kind: [before for before in traits.queued_by if order.index(before) > order.index(kind)]
        for kind, traits in TRAITS.items()
    }
    assert len(later) == len(KINDS)
    assert [kind for kind, wrong in later.items() if wrong] == []


def test_every_kind_on_the_way_but_the_first_names_what_queues_it() -> None:
    without = {kind for kind in step_kinds.ON_THE_WAY if not TRAITS[kind].queued_by}
    assert without == {StepKind.ACCEPT, StepKind.FETCH}
