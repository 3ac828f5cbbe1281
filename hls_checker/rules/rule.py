"""What a rule is: its number, how much it binds, its sentence, and the function that looks for what breaks it. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from hls_checker.facts import Title

Broken = Iterator[tuple[str, str]]  # (URL, what is wrong there)


class Severity(StrEnum):
    MUST = "must"
    SHOULD = "should"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One rule broken in one place."""

    rule: str
    severity: Severity
    where: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.rule} {self.severity} {self.where}: {self.sentence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`number` is that of Apple's HLS Authoring Specification, `rfc-` and a section, or a word where neither has one.

    `when_ready`: does not bind a title that can be watched before its ladder is there. `over_http`: is about answers.
    `decoding`: is about what was decoded, where that was asked for.
    """

    number: str
    severity: Severity
    sentence: str
    broken: Callable[[Title], Broken]
    when_ready: bool = False
    over_http: bool = False
    decoding: bool = False

    def binds(self, title: Title) -> bool:
        if (self.when_ready and title.provisional) or (self.over_http and title.local):
            return False
        return title.decoded or not self.decoding

    def faults(self, title: Title) -> Iterator[Fault]:
        if self.binds(title):
            for url, what in self.broken(title):
                yield Fault(rule=self.number, severity=self.severity, where=title.name(url), sentence=what)


class Book(list[Rule]):
    """The rules of one file, in the order they are written."""

    def must(self, number: str, sentence: str, **when: bool) -> "_Added":
        return self._adding(number, Severity.MUST, sentence, when)

    def should(self, number: str, sentence: str, **when: bool) -> "_Added":
        return self._adding(number, Severity.SHOULD, sentence, when)

    def _adding(self, number: str, severity: Severity, sentence: str, when: dict[str, bool]) -> "_Added":
        """`when` are fields of Rule: when_ready, over_http, decoding."""

        def add(broken: Callable[[Title], Broken]) -> Callable[[Title], Broken]:
            self.append(Rule(number=number, severity=severity, sentence=sentence, broken=broken, **when))
            return broken

        return add


_Added = Callable[[Callable[[Title], Broken]], Callable[[Title], Broken]]
