"""The body of an error answer as Pydantic models, for the OpenAPI documents of API and origin."""

from pydantic import BaseModel, Field


class FaultShape(BaseModel):
    """One of several things that are wrong with a request."""

    pointer: str = Field(description="JSON pointer to the field")
    code: str = Field(description="Stable code")
    detail: str = Field(description="What is wrong with it, in a sentence")


class ProblemShape(BaseModel):
    """Problem details for an error (RFC 9457)."""

    type: str = Field(description="Always about:blank")
    title: str = Field(description="What the status means")
    status: int = Field(description="HTTP status")
    detail: str = Field(description="What is wrong, in a sentence; all faults, where there are several")
    code: str = Field(description="Stable code, listed in docs/errors.md")
    hint: str | None = Field(default=None, description="What can be done about it")
    pointer: str | None = Field(default=None, description="JSON pointer to the first field at fault")
    errors: list[FaultShape] = Field(default=[], description="Every fault of the request that was found")
