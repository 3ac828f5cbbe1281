"""An answer in words and numbers of a language, for the terminal and for the studio's page alike. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cost.answer import Answer
from cost.inputs import Group, definition
from cost.knobs import Effect, Knob
from presets.scenario import Stack
from studio.numbers import grouped, number
from studio.texts import Text, text_in

_SIGNS = {"USD": "$", "EUR": "€"}
SWINGS = 10  # of the tornado that are shown
KNOBS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A name and an amount of money, with its share of the whole (0..1), and a remark. `ours`: of Kadr itself."""

    name: str
    amount: str
    share: float = 0.0
    remark: str = ""
    ours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KnobRow:
    """A knob: what to turn, how, what it brings a month, what it does to picture and startup, and who measured that."""

    what: str
    how: str
    change: str
    vmaf: str
    startup: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwingRow:
    """A bar of the tornado: the bill with half of an input and with twice as much; `low`..`high` on 0..1, `at`: now."""

    name: str
    key: str
    half: str
    double: str
    low: float
    high: float
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecRow:
    """From how many views on a codec pays for titles of a kind, how many have as many a month, and their share."""

    codec: str
    kind: str
    views: str
    titles: str
    share: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """An input: its name for --set, in words, its value with unit, where it comes from, and why."""

    key: str
    words: str
    value: str
    plain: str  # the value as a form sends it; "" is without end
    unit: str
    origin: str
    note: str
    group: Group


class Words:
    """The parts of an answer, each ready to be shown."""

    def __init__(self, found: Answer, language: str) -> None:
        self._found, self._language, self._text = found, language, text_in(language)
        self._sign = _SIGNS.get(found.book.currency, found.book.currency)

    @property
    def text(self) -> Text:
        return self._text

    def money(self, amount: float, *, signed: bool = False) -> str:
        """1343.68 -> "$1,344"; below 100 with cents. What is without end is a dash."""
        if not math.isfinite(amount):
            return "–"
        written = grouped(abs(amount), self._language, 0 if abs(amount) >= 100 else 2)
        sign = "−" if amount < 0 else "+" if signed else ""
        return f"{sign}{self._text('cost.money', sign=self._sign, n=written)}"

    def headline(self) -> str:
        """The answer in one sentence."""
        found = self._found
        if not math.isfinite(found.total):
            return self._text("cost.no_plan", stack=found.scenario.stack.name)
        if found.is_below is None:
            return self._text("cost.answer", total=self.money(found.total))
        key = "cost.answer_below" if found.is_below else "cost.answer_above"
        return self._text(key, total=self.money(found.total), budget=self.money(found.scenario.budget or 0.0))

    def limits(self) -> str:
        """What would bring the bill to the budget: more viewers, another stack; "" where nothing here does."""
        found, budget = self._found, self._found.scenario.budget
        if budget is None or not found.is_below:
            return ""
        told = []
        if (factor := found.viewers_within_budget) is not None:
            told.append(self._text("cost.viewers_within", budget=self.money(budget), n=number(factor, self._language)))
        if above := [name for name, total in found.stacks.items() if budget <= total < math.inf]:
            told.append(self._text("cost.stacks_above", stacks=", ".join(above)))
        return " ".join(told)

    def basis(self) -> str:
        """Which scenario, variant, stack and prices it is of."""
        scenario = self._found.scenario
        names = (
            scenario.name,
            self._found.variant,
            scenario.stack.name,
            self._found.book.name,
            self._found.book.currency,
        )
        return " · ".join(names)

    def work(self) -> str:
        """What is stored, made and delivered, in one sentence."""
        work = self._found.quantities
        return self._text(
            "cost.work",
            titles=self._count(work.titles),
            stock=self._count(work.stock_min),
            new=self._count(work.new_min),
            watched=self._count(work.watched_min),
            delivered=self._count(work.delivered_min),
            egress=number(work.egress_gb / 1000, self._language),
            stored=number(work.stored_gb / 1000, self._language),
            requests=number(work.requests / 1e6, self._language),
            hit=number(100 * self._found.bill.hit, self._language),
        )

    def verify(self) -> str:
        """How many prices are to be verified; "" where none is."""
        count = self._found.unverified
        return self._text("cost.verify_some", n=str(count), of=str(len(self._found.prices))) if count else ""

    def lines(self) -> list[Row]:
        """The lines of the bill, the largest first, and what is paid once."""
        total = self._found.total
        lines = sorted(self._found.bill.lines.items(), key=lambda line: -line[1])
        return [
            Row(
                name=self._text(f"cost.line.{name}"),
                amount=self.money(amount),
                share=amount / total if 0 < total < math.inf else 0.0,
                remark=self._found.scenario.stack.fixed_for if name == "fixed" else "",
            )
            for name, amount in lines
        ]

    def once(self) -> str:
        """The back catalogue, in one sentence."""
        hours = self._count(self._found.quantities.stock_h)
        return self._text("cost.once", total=self.money(self._found.bill.once), hours=hours)

    def variants(self) -> list[Row]:
        """The scenario and its variants, each with what is different in it."""
        changes = self._found.scenario.variants
        return [
            Row(
                name=name,
                amount=self.money(total),
                remark=" · ".join(f"{key} {self._amount(value)}" for key, value in changes.get(name, {}).items()),
            )
            for name, total in self._found.variants.items()
        ]

    def stacks(self) -> list[Row]:
        """Kadr on each stack, and each platform, the cheapest first; platforms with what their bill is made of."""
        found: list[tuple[float, Row]] = [
            (self._found.stacks[one.name], self._stack(one))
            for one in (self._found.scenario.stack, *self._found.scenario.others)
        ]
        for peer in self._found.peers:
            parts = ("encode", "captions", "store", "deliver")
            made_of = [
                f"{self._text(f'cost.line.{part}')} {self.money(getattr(peer, part))}"
                for part in parts
                if getattr(peer, part)
            ]
            marked = [self._text("cost.verify")] if peer.verify else []
            row = Row(name=peer.name, amount=self.money(peer.total), remark=" · ".join((*made_of, *marked)))
            found.append((peer.total, row))
        return [row for _, row in sorted(found, key=lambda one: one[0])]

    def _stack(self, stack: Stack) -> Row:
        fixed = f"{self._text('cost.line.fixed')} {self.money(stack.fixed)}"
        return Row(name=stack.name, amount=self.money(self._found.stacks[stack.name]), remark=fixed, ours=True)

    def turns(self) -> list[KnobRow]:
        """The knobs that save most."""
        return [self._knob(knob) for knob in self._found.knobs if knob.change < 0][:KNOBS]

    def more_turns(self) -> list[KnobRow]:
        """Those that save less."""
        return [self._knob(knob) for knob in self._found.knobs if knob.change < 0][KNOBS:]

    def keeps(self) -> list[KnobRow]:
        """What is best left as it is, with what turning it would cost."""
        return [self._knob(knob) for knob in self._found.knobs if knob.change > 0]

    def _knob(self, knob: Knob) -> KnobRow:
        return KnobRow(
            what=self._text(f"cost.knob.{knob.name}", **knob.what),
            how=knob.how,
            change=self.money(knob.change, signed=True),
            vmaf=self._effect(knob.vmaf),
            startup=self._effect(knob.startup, "unit.s"),
            source=knob.source,
        )

    def _effect(self, effect: float | Effect, unit: str | None = None) -> str:
        if isinstance(effect, Effect):
            return self._text(f"cost.effect.{effect.value}")
        written = ("+" if effect > 0 else "−") + number(abs(effect), self._language)
        return self._text(unit, n=written) if unit else written

    def tornado(self) -> list[SwingRow]:
        """The inputs that move the bill most."""
        swings = [one for one in self._found.tornado if math.isfinite(one.half + one.double)][:SWINGS]
        if not swings or not math.isfinite(self._found.total):
            return []
        ends = [end for one in swings for end in (one.half, one.double)] + [self._found.total]
        low, high = min(ends), max(ends)
        width = high - low or 1.0
        return [
            SwingRow(
                name=self._input(one.name),
                key=one.name,
                half=self.money(one.half),
                double=self.money(one.double),
                low=(min(one.half, one.double) - low) / width,
                high=(max(one.half, one.double) - low) / width,
                at=(self._found.total - low) / width,
            )
            for one in swings
        ]

    def codecs(self) -> list[CodecRow]:
        """When another codec pays."""
        return [
            CodecRow(
                codec=one.codec,
                kind=one.kind,
                views=self._count(math.ceil(one.views)) if math.isfinite(one.views) else "–",
                titles=self._count(one.titles),
                share=f"{number(100 * one.share, self._language)} %",
            )
            for one in self._found.break_evens
        ]

    def assumptions(self) -> list[Assumption]:
        """Every input."""
        return [
            Assumption(
                key=name,
                words=self._input(name),
                value=self._amount(value.value),
                plain=f"{value.value:.10g}" if math.isfinite(value.value) else "",
                unit=definition(name).unit if math.isfinite(value.value) else "",
                origin=self._text(f"cost.origin.{value.origin.value}"),
                note=value.note,
                group=definition(name).group,
            )
            for name, value in self._found.inputs.values.items()
        ]

    def prices(self) -> list[Row]:
        """The prices that the bill depends on, with grade, date and source."""
        rows = []
        for price in self._found.prices:
            name = self._text("cost.price.core_hour") if price.of == "core_hour" else price.of
            region = "" if price.region == "any" else f"{price.region}, "
            marked = f", {self._text('cost.verify')}" if price.verify else ""
            rows.append(
                Row(
                    name=name,
                    amount=f"{price.amount} {self._sign}/{price.unit}",
                    remark=f"{region}{price.source}, {price.date}, {price.grade.value}{marked}",
                )
            )
        return rows

    def not_in_it(self) -> Sequence[str]:
        return self._found.scenario.not_in_it

    def _input(self, name: str) -> str:
        if name == "fixed" or name.startswith("price."):
            return self._text("cost.line.fixed" if name == "fixed" else f"cost.{name}")
        kind, _, own = name.rpartition(".")
        words = self._text(f"cost.input.{own}")
        return f"{kind}: {words}" if kind else words

    def _amount(self, value: float) -> str:
        if not math.isfinite(value):
            return self._text("cost.for_ever")
        return self._count(value) if value >= 1000 else number(value, self._language, 4)

    def _count(self, value: float) -> str:
        return grouped(value, self._language, 0)
