"""subtitles.speech.voice_activity and subtitles.speech.jobs: where somebody speaks, and how that is shared out."""

import json
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from subtitles.speech.jobs import Job, JobResult, language_places, plan, result_from_json, result_to_json
from subtitles.speech.voice_activity import FRAME, PAD, RATE_HZ, WINDOW, Span, spans


def span(start_s: float, end_s: float) -> Span:
    return Span(start=round(start_s * RATE_HZ), end=round(end_s * RATE_HZ))


def frames(*runs: tuple[float, float]) -> list[float]:
    """(seconds, probability) after one another."""
    return [value for seconds, value in runs for _ in range(round(seconds * RATE_HZ / FRAME))]


def found(*runs: tuple[float, float]) -> list[tuple[float, float]]:
    likely = frames(*runs)
    made = spans(likely, len(likely) * FRAME)
    return [(round(s.start / RATE_HZ, 1), round(s.end / RATE_HZ, 1)) for s in made]


def test_speech_is_padded() -> None:
    assert found((2, 0.1), (3, 0.9), (2, 0.1)) == [(1.8, 5.2)]


def test_a_breath_does_not_end_speech() -> None:
    assert found((2, 0.1), (1, 0.9), (0.4, 0.1), (1, 0.9), (2, 0.1)) == [(1.8, 4.6)]
    assert found((2, 0.1), (1, 0.9), (0.8, 0.1), (1, 0.9), (2, 0.1)) == [(1.8, 3.2), (3.6, 5.0)]


def test_doubt_neither_begins_nor_ends_speech() -> None:
    assert found((2, 0.1), (5, 0.45), (2, 0.1)) == []
    assert found((2, 0.1), (1, 0.9), (2, 0.4), (1, 0.9), (2, 0.1)) == [(1.8, 6.2)]


def test_a_voice_noticed_late_begins_where_doubt_began() -> None:
    assert found((2, 0.05), (0.3, 0.3), (3, 0.9), (2, 0.05)) == [(2.1 - 0.3, 5.5)]
    assert found((2, 0.2), (3, 0.9), (2, 0.05)) == [(1.3, 5.2)], "half a second at most"


def test_a_note_of_music_is_no_speech() -> None:
    assert found((2, 0.1), (0.13, 0.82), (2, 0.1)) == []


def test_speech_to_the_last_sample_stays_on_the_tape() -> None:
    assert spans(frames((1, 0.1), (2, 0.9)), 47_500)[-1].end == 47_500


def test_a_long_speech_is_cut_where_it_is_least_likely() -> None:
    likely = frames((22, 0.95), (0.1, 0.5), (20, 0.95))
    made = spans(likely, len(likely) * FRAME)
    assert len(made) == 2
    assert made[0].end == made[1].start
    assert abs(made[0].end - 22 * RATE_HZ) < RATE_HZ // 4


@given(st.lists(st.tuples(st.floats(0.05, 50), st.sampled_from([0.05, 0.4, 0.95])), max_size=30))
def test_spans_of_any_sound(runs: list[tuple[float, float]]) -> None:
    likely = frames(*runs)
    made = spans(likely, len(likely) * FRAME)
    assert made or max((seconds for seconds, chance in runs if chance == 0.95), default=0) < 1
    assert all(0 <= s.start < s.end <= len(likely) * FRAME and s.samples <= WINDOW for s in made)
    assert all(a.end <= b.start for a, b in pairwise(made))


def test_jobs_are_cut_at_the_longest_silence() -> None:
    # 20 s of speech every 25 s for 38 minutes; the longest silences come at 12 and at 24 minutes.
    spoken = [span(start, start + (10 if start in (700, 1425) else 20)) for start in range(0, 2300, 25)]
    made = plan(spoken)
    assert [job.number for job in made] == [0, 1, 2]
    assert [job.spans[0].start // RATE_HZ for job in made] == [0, 725, 1450]
    assert [one for job in made for one in job.spans] == spoken
    assert plan([]) == ()


@given(st.lists(st.tuples(st.floats(0.3, 30), st.floats(0, 400)), max_size=120))
def test_jobs_of_any_speech(pairs: list[tuple[float, float]]) -> None:
    at, spoken = 0.0, []
    for length, pause in pairs:
        spoken.append(span(at, at + length))
        at += length + pause
    made = plan(spoken)
    assert [one for job in made for one in job.spans] == spoken
    for job in made:
        assert job.spans[-1].end - job.spans[0].start <= 900 * RATE_HZ
    assert plan(spoken) == made


def test_the_language_is_heard_across_the_title() -> None:
    spoken = [span(start, start + (20 if start in (30, 600, 1290) else 3)) for start in range(0, 1800, 30)]
    assert [place[0].start // RATE_HZ for place in language_places(spoken)] == [600, 1290]
    assert all(place[-1].end - place[0].start <= 2 * WINDOW for place in language_places(spoken))
    assert language_places([span(1, 3), span(4, 30)]) == (), "each window of a short title tells its own"


def test_a_kept_result_answers_only_its_own_job() -> None:
    job = Job(number=1, spans=(span(600, 620),))
    kept = JobResult(
        job=job,
        model="small",
        task="transcribe",
        language="ru",
        language_probability=None,
        segments=(),
        heard={"ru": 9},
    )
    assert result_from_json(json.loads(json.dumps(result_to_json(kept)))) == kept
    asked = {"model": "small", "task": "transcribe", "language": "ru"}
    assert kept.answers(job, **asked)
    assert not kept.answers(replace(job, spans=(span(600, 621),)), **asked)
    for name, other in (("model", "tiny"), ("task", "translate"), ("language", "en"), ("language", None)):
        assert not kept.answers(job, **{**asked, name: other})
    detected = replace(kept, language_probability=0.9)
    assert detected.answers(job, **{**asked, "language": None})
    assert not detected.answers(job, **asked)


def test_pads_of_neighbours_do_not_meet() -> None:
    likely = frames((1, 0.9), (0.58, 0.1), (1, 0.9))
    first, second = spans(likely, len(likely) * FRAME)
    assert first.end <= second.start
    assert second.start - first.end < 2 * PAD
