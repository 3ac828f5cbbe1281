"""Caption profiles: limits of a cue's text and times, and the words of a language to break lines at.

In: presets/captions.yaml, read once. Out: `CaptionProfile`. Refuses a wrong file and an unknown profile with
ConfigError; a language nobody listed is no error, it only has no words of its own to break at.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Annotated, Self

from pydantic import Field, StrictStr, model_validator

from core.errors import ConfigError
from presets.document import Form, Whole, current_name, load

FILE = "captions.yaml"
DEFAULT = "standard"


class Script(StrEnum):
    """How a language's script fills a line, in cells: the width of one Latin letter."""

    SPACED = "spaced"  # Latin, Cyrillic and all else: a character is one cell
    WIDE = "wide"  # full-width with spaces (Korean): a character is two cells, a Latin one half a character
    UNSPACED = "unspaced"  # full-width without spaces (Chinese, Japanese)
    JOINED = "joined"  # without spaces, a character one cell (Thai)

    @property
    def wide(self) -> bool:
        """Whether a character takes two cells."""
        return self in (Script.WIDE, Script.UNSPACED)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionProfile:
    """The limits of a cue, and the words to break at, lower-case. Cells are what a letter of the Latin script takes."""

    name: str
    language: str | None
    script: Script
    line_cells: int
    lines: int
    target_cells: int  # a second, as is the next
    most_cells: int
    shortest_ms: int
    longest_ms: int
    gap_ms: int
    pause_ms: int
    linger_ms: int
    cue_cost: int
    most_words: int | None
    clinging: frozenset[str]
    conjunctions: frozenset[str]
    prepositions: frozenset[str]
    never_first: frozenset[str]

    @property
    def spaced(self) -> bool:
        """Whether the script separates words by spaces, as Latin and Korean do and Chinese does not."""
        return self.script not in (Script.UNSPACED, Script.JOINED)


Zero = Annotated[int, Field(strict=True, ge=0)]


class CaptionProfileForm(Form):
    """One profile in the form the YAML file has; lengths are in characters of the script."""

    line_characters: Whole
    wide_line_characters: Whole
    lines: Annotated[int, Field(strict=True, ge=1, le=2)]
    target_cps: Whole
    most_cps: Whole
    shortest_ms: Whole
    longest_ms: Whole
    gap_ms: Zero
    pause_ms: Whole
    linger_ms: Zero
    cue_cost: Zero
    most_words: Whole | None = None
    script: Script = Script.SPACED

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        if self.target_cps > self.most_cps:
            raise ValueError("must have a target_cps of at most most_cps")
        if self.shortest_ms + self.gap_ms > min(self.pause_ms, self.longest_ms) + self.linger_ms:
            raise ValueError("must leave a lone word between two pauses its shortest_ms")
        if self.shortest_ms + self.gap_ms > self.pause_ms:
            raise ValueError("must have a pause_ms with room for shortest_ms and gap_ms")
        return self


class LanguageForm(Form):
    """What a language changes, and its words, separated by spaces."""

    script: Script = Script.SPACED
    target_cps: Whole | None = None
    most_cps: Whole | None = None
    clinging: StrictStr = ""
    conjunctions: StrictStr = ""
    prepositions: StrictStr = ""
    never_first: StrictStr = ""

    @model_validator(mode="after")
    def _reads_both_ways(self) -> Self:
        if (self.target_cps or 0) > (self.most_cps or 0) or (self.target_cps is None) != (self.most_cps is None):
            raise ValueError("must have target_cps and most_cps, the first at most the second, or neither")
        return self


class CaptionsForm(Form):
    """The whole YAML file: profiles by name, languages by their BCP 47 primary subtag."""

    profiles: dict[StrictStr, CaptionProfileForm]
    languages: dict[StrictStr, LanguageForm]

    @model_validator(mode="after")
    def _has_the_default(self) -> Self:
        if DEFAULT not in self.profiles:
            raise ValueError(f"must have the profile {DEFAULT}, the default")
        return self

    def profile(self, name: str, language: str | None) -> CaptionProfile:
        """A profile of the file with what the language changes. Raises KeyError for an unknown profile."""
        limits = self.profiles[name]
        own = self.languages.get(language or "", LanguageForm())
        script = own.script if own.script is not Script.SPACED else limits.script
        cells = 2 if script.wide else 1
        line = limits.wide_line_characters if script.wide else limits.line_characters
        plain = {key: getattr(limits, key) for key in ("lines", "shortest_ms", "longest_ms", "gap_ms", "pause_ms")}
        return CaptionProfile(
            name=name,
            language=language,
            script=script,
            line_cells=line * cells,
            target_cells=(own.target_cps or limits.target_cps) * cells,
            most_cells=(own.most_cps or limits.most_cps) * cells,
            **plain,
            linger_ms=limits.linger_ms,
            cue_cost=limits.cue_cost,
            most_words=limits.most_words,
            clinging=_words(own.clinging),
            conjunctions=_words(own.conjunctions),
            prepositions=_words(own.prepositions),
            never_first=_words(own.never_first),
        )


def _words(text: str) -> frozenset[str]:
    return frozenset(text.casefold().split())


@cache
def _file() -> CaptionsForm:
    return load(FILE, CaptionsForm)


CAPTION_NAMES = tuple(_file().profiles)


def caption_profile(name: str = DEFAULT, language: str | None = None) -> CaptionProfile:
    """The profile of this name for a language (BCP 47: "de", "pt-BR"). Raises ConfigError naming the known profiles."""
    name = current_name(name)
    if name not in CAPTION_NAMES:
        raise ConfigError(f"there is no caption profile {name!r}: take one of {', '.join(CAPTION_NAMES)}")
    primary = language.replace("_", "-").split("-")[0].casefold() if language else None
    return _file().profile(name, primary)
