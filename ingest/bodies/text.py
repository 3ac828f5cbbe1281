"""String fields of requests: their form for programs, as a pattern, and for people, in words and by an example.

/openapi.json has both; a refusal says "must be a reference type:id, for example product:42" and quotes no pattern.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError, ValidatorFunctionWrapHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Metadata of an annotated string. `form` completes the sentence "It must be ..."."""

    pattern: str
    form: str
    example: str
    min_length: int | None = None
    max_length: int | None = None
    strip: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(
            pattern=self.pattern,
            min_length=self.min_length,
            max_length=self.max_length,
            strip_whitespace=self.strip,
        )
        return core_schema.no_info_wrap_validator_function(self._validate, text)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "examples": [self.example]}

    def _validate(self, value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validate(value)
        except ValidationError as exc:
            if any(error["type"] == "string_pattern_mismatch" for error in exc.errors(include_url=False)):
                told = {"form": self.form, "example": self.example}
                raise PydanticCustomError("form", "must be {form}, for example {example}", told) from exc
            raise


def line(example: str, *, min_length: int | None = None, max_length: int, strip: bool = False) -> Text:
    """Any text without NUL, which PostgreSQL cannot store."""
    return Text(
        pattern=r"^[^\x00]*$",
        form="text without NUL characters",
        example=example,
        min_length=min_length,
        max_length=max_length,
        strip=strip,
    )


def ident(prefix: str, example: str) -> Text:
    """An id that Kadr gives out, such as as_01hv..."""
    return Text(
        pattern=rf"^{prefix}_[0-9a-z]{{26}}$",
        form=f"an id that begins with {prefix}_, as the API returned it",
        example=example,
    )
