"""`kadr cost`: what a platform costs a month, as text that answers first and explains then, as JSON, or as a plot.

In: a scenario and a price book of presets/, or files of theirs; with `--measured`, what the database of an installation
knows of its own work. Out: text on stdout.
"""

import json
import os
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import asyncpg

from core.db import costs, postgres
from core.db.costs import Measured
from core.errors import ConfigError, KadrError
from cost.answer import Answer, answer, as_json
from cost.measured import class_costs, measured_values
from cost.words import Assumption, KnobRow, SwingRow, Words
from kadr.commands import studio_link
from presets.price_book import DEFAULT_BOOK, PriceBook, price_book
from presets.scenario import DEFAULT_SCENARIO, INSTALLATION, Scenario, scenario
from studio.texts import DEFAULT

WIDTH = 112
BAR = 34


async def run(
    *,
    wanted: str | None,
    variant: str,
    prices: str | None,
    given: Mapping[str, float],
    measured: bool,
    plain_json: bool,
    plot: Path | None,
) -> int:
    """Print the answer; returns the exit code. Raises ConfigError for names, values and files that cannot be meant."""
    if plot is not None:
        from kadr.commands import cost_plot

        cost_plot.require_matplotlib(plot)
    asked = wanted or (INSTALLATION if measured else DEFAULT_SCENARIO)
    about, book = _scenario(asked), _book(prices)
    known = await _measured() if measured else None
    values = None if known is None else measured_values(about, known)
    found = answer(about, book, variant=variant, measured=values, given=given)
    if plot is not None:
        cost_plot.draw(found, plot)
    if plain_json:
        classes = None if known is None else [asdict(one) for one in class_costs(known)]
        print(json.dumps({**as_json(found), "measured": classes}, indent=2))
    else:
        print("\n".join(lines(found, known)))
        if plot is not None:
            print(f"\nplot: {plot}")
    return 0


def _scenario(wanted: str) -> Scenario:
    return scenario(file=Path(wanted)) if _is_file(wanted) else scenario(wanted)


def _book(wanted: str | None) -> PriceBook:
    if wanted is None or not _is_file(wanted):
        return price_book(wanted or DEFAULT_BOOK)
    return price_book(own=Path(wanted))


def _is_file(wanted: str) -> bool:
    return "/" in wanted or wanted.endswith((".yaml", ".yml"))


async def _measured() -> Measured:
    where = studio_link.where_from(os.environ)
    pool = await postgres.connect(where.settings)
    try:
        return await costs.measured(pool)
    except (asyncpg.UndefinedColumnError, asyncpg.UndefinedTableError) as exc:
        raise KadrError("the database is that of an older release: run `kadr migrate`") from exc
    finally:
        await pool.close()


def given_values(texts: Sequence[str]) -> dict[str, float]:
    """{"clips.buffer_s": 8.0} of ["clips.buffer_s=8"]. Raises ConfigError for any other form."""
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            values[name] = float(value)
        except ValueError as exc:
            raise ConfigError(f"--set {text}: must be NAME=NUMBER, as in clips.buffer_s=8") from exc
        if not equals or not name:
            raise ConfigError(f"--set {text}: must be NAME=NUMBER, as in clips.buffer_s=8")
    return values


def lines(found: Answer, known: Measured | None = None) -> Iterator[str]:
    """The answer as text, the most important first. `known`: what was measured, where it was asked for."""
    words = Words(found, DEFAULT)
    if found.scenario.question:
        yield found.scenario.question
    yield words.headline()
    if limits := words.limits():
        yield from _wrapped(limits)
    yield words.basis()
    if verify := words.verify():
        yield verify
    yield from _wrapped(words.work())
    yield from _bill(words)
    yield from _others(words)
    yield from _knobs(words)
    yield from _tornado(words)
    yield from _codecs(found, words)
    yield from _assumptions(words)
    yield from _heading(words.text("cost.prices"))
    yield from (f"  {one.name:<24}{one.amount:<34}{one.remark}" for one in words.prices())
    if known is not None:
        yield from _measurements(words, known)
    if words.not_in_it():
        yield ""
        yield from _wrapped(words.text("cost.not_in_it", what=", ".join(words.not_in_it())))


def _heading(text: str) -> Iterator[str]:
    yield ""
    yield text


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH)


def _bill(words: Words) -> Iterator[str]:
    yield from _heading(words.text("cost.lines"))
    for line in words.lines():
        percent = f"{100 * line.share:.0f} %"
        yield f"  {line.name:<28}{line.amount:>12}{percent:>7}  {'█' * round(BAR * line.share)}".rstrip()
        if line.remark:
            yield f"      {line.remark}"
    yield f"  {words.once()}"
    if len(words.variants()) > 1:
        yield from _heading(words.text("cost.variants"))
        yield from (f"  {one.name:<28}{one.amount:>12}  {one.remark}".rstrip() for one in words.variants())


def _others(words: Words) -> Iterator[str]:
    yield from _heading(words.text("cost.peers"))
    for row in words.stacks():
        yield f"  {row.name:<40}{row.amount:>10}  {row.remark}".rstrip()
    yield f"  {words.text('cost.peers_hint')}"


def _knobs(words: Words) -> Iterator[str]:
    for key, rows in (("turn", words.turns()), ("turn_more", words.more_turns()), ("keep", words.keeps())):
        if rows:
            yield ""
            head = f"{words.text('cost.change'):>12}  {words.text('cost.vmaf'):<14}{words.text('cost.startup')}"
            yield f"{words.text(f'cost.{key}'):<65}{head}"
            for number, row in enumerate(rows, 1):
                yield from _knob(f"{number}." if key == "turn" else " ", row, words)


def _knob(number: str, row: KnobRow, words: Words) -> Iterator[str]:
    yield f"  {number:<3}{row.what:<60}{row.change:>12}  {row.vmaf:<14}{row.startup}"
    measured = f" · {words.text('cost.measured_in')} {row.source}" if row.source else ""
    yield f"     {words.text('cost.how')}: {row.how}{measured}"


def _tornado(words: Words) -> Iterator[str]:
    rows = words.tornado()
    if not rows:
        return
    yield ""
    yield f"{words.text('cost.tornado'):<56}{words.text('cost.halved'):>10}{'':<{BAR + 2}}{words.text('cost.doubled')}"
    for row in rows:
        name = row.name.rpartition(": ")[2]
        yield f"  {row.key:<22}{name:<32}{row.half:>10} {bar(row)} {row.double}"


def bar(row: SwingRow, width: int = BAR) -> str:
    """A bar of the tornado in text: from the bill with half of the input to that with twice, `│` where it is now."""
    begin, end, now = (round(at * (width - 1)) for at in (row.low, row.high, row.at))
    return "".join("│" if at == now else "█" if begin <= at <= end else " " for at in range(width))


def _codecs(found: Answer, words: Words) -> Iterator[str]:
    rows = words.codecs()
    text = words.text
    heads = "".join(f"{text(f'cost.{key}'):>12}" for key in ("views", "titles", "share"))
    yield ""
    yield f"{text('cost.codecs'):<62}{heads}"
    for row in rows:
        yield f"  {row.codec:<20}{row.kind:<40}{row.views:>12}{row.titles:>12}{row.share:>12}"
    yield from (f"  {line}" for line in _wrapped(text("cost.codecs_hint", price=f"{found.marginal_gb:.4g}")))


def _assumptions(words: Words) -> Iterator[str]:
    yield from _heading(words.text("cost.assumptions"))
    for one in words.assumptions():
        yield f"  {_assumption(one)}".rstrip()


def _assumption(one: Assumption) -> str:
    words = one.words.rpartition(": ")[2]
    note = f": {one.note}" if one.note else ""
    return f"{one.key:<24}{words:<34}{f'{one.value} {one.unit}':<22}{one.origin}{note}"


def _measurements(words: Words, known: Measured) -> Iterator[str]:
    text, found = words.text, class_costs(known)
    yield from _heading(text("cost.measured"))
    if not any(one.encode_cpu_s is not None for one in found):
        yield f"  {text('cost.measured_none')}"
    if found:
        parts = ("line.encode", "line.pictures", "line.captions")
        heads = "".join(f"{text(f'cost.{part}')[:18]:>19}" for part in parts)
        yield f"  {'':<38}{text('cost.titles'):>8}{text('cost.minutes'):>9}{heads} MB"
    for one in found:
        cpu = "".join(
            f"{'–' if value is None else f'{value:.1f} CPU s':>19}"
            for value in (one.encode_cpu_s, one.pictures_cpu_s, one.captions_cpu_s)
        )
        name = f"{one.profile}, {one.effort}, {one.codec}, {one.source}"
        yield f"  {name:<38}{one.titles:>8}{one.minutes:>9.1f}{cpu} {one.ladder_mb:.1f}"
    yield f"  {text('cost.viewers_unknown')}"
