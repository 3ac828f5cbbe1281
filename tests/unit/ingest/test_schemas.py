"""Bodies of requests: what is refused, and how the refusal reads."""

from typing import Any

import pytest
from pydantic import ValidationError

from core.http.problems import from_validation
from ingest.bodies.fields import Body
from ingest.bodies.requests import NewPull, NewUpload, PosterChoice

PULL = {"input_url": "https://example.org/a.mp4"}
CLIP = {"clip_of": "as_" + "0" * 26, "start_s": 1, "end_s": 2}


@pytest.mark.parametrize(
    ("model", "body", "pointer", "detail"),
    [
        (NewPull, {}, "/input_url", "Give exactly one of input_url and clip_of."),
        (NewPull, {**PULL, **CLIP}, "/input_url", "Give exactly one of input_url and clip_of."),
        (NewPull, {**PULL, "start_s": 1}, "/start_s", None),
        (NewPull, {**CLIP, "clip": {"start_s": 1}}, "/clip", None),
        (NewPull, {**CLIP, "end_s": None}, "/end_s", "end_s is required with clip_of."),
        (NewPull, {**CLIP, "end_s": 1}, "/end_s", "end_s must be after start_s."),
        (PosterChoice, {}, "/candidate", "Give exactly one of candidate and time_s."),
    ],
)
def test_a_validator_raises_what_pydantic_translates(
    model: type[Body], body: dict[str, Any], pointer: str, detail: str | None
) -> None:
    with pytest.raises(ValidationError) as raised:
        model.model_validate(body)
    problem = from_validation(raised.value)
    assert (problem.status, problem.code, problem.pointer) == (422, "invalid", pointer)
    if detail is not None:
        assert str(problem) == detail


def test_fields_are_named() -> None:
    with pytest.raises(ValidationError) as raised:
        NewUpload.model_validate({"filename": "a", "size_bytes": 1, "colour": "red"})
    problem = from_validation(raised.value)
    assert (problem.code, problem.pointer) == ("unknown_field", "/colour")
