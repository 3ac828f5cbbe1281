"""What a rule is: its id, how much it matters, what to do, and the function that looks for what breaks it. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

Subject = TypeVar("Subject")
Broken = Iterator[tuple[str, str]]  # (URL, what was found there)


class Severity(StrEnum):
    """ERROR costs the video or the card. WARNING costs a part of it. NOTE is for the owner to judge."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule broken in one place. `page`: the page that was looked at, empty for what concerns the site."""

    rule: str
    severity: Severity
    url: str
    found: str
    todo: str
    page: str = ""

    def __str__(self) -> str:
        return f"{self.severity} {self.rule} {self.url}: {self.found}. {self.todo}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Generic[Subject]):
    """`sentence`: what holds where nothing is found. `source`: who says so."""

    id: str
    severity: Severity
    sentence: str
    todo: str
    source: str
    broken: Callable[[Subject], Broken]

    def findings(self, subject: Subject, page: str = "") -> Iterator[Finding]:
        for url, found in self.broken(subject):
            yield Finding(rule=self.id, severity=self.severity, url=url, found=found, todo=self.todo, page=page)


class Book(list[Rule[Subject]]):
    """The rules of one file, in the order they are written."""

    def error(self, name: str, sentence: str, *, todo: str, source: str) -> "_Adding[Subject]":
        return self._adding(name, Severity.ERROR, sentence, todo, source)

    def warning(self, name: str, sentence: str, *, todo: str, source: str) -> "_Adding[Subject]":
        return self._adding(name, Severity.WARNING, sentence, todo, source)

    def note(self, name: str, sentence: str, *, todo: str, source: str) -> "_Adding[Subject]":
        return self._adding(name, Severity.NOTE, sentence, todo, source)

    def _adding(self, name: str, severity: Severity, sentence: str, todo: str, source: str) -> "_Adding[Subject]":
        def add(broken: Callable[[Subject], Broken]) -> Callable[[Subject], Broken]:
            rule = Rule(id=name, severity=severity, sentence=sentence, todo=todo, source=source, broken=broken)
            self.append(rule)
            return broken

        return add


_Adding = Callable[[Callable[[Subject], Broken]], Callable[[Subject], Broken]]
