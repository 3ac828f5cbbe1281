"""What this installation costs a month, for those who run it: the answer of `kadr cost`, and a form for its inputs.

In: a scenario, and inputs by their names, in the query. Out: the page; 404 to owners who do not run the installation.
"""

import math

from aiohttp import web

from core.db import costs, owners
from core.errors import ConfigError
from core.http.problems import Problem
from cost.answer import answer, require_meant
from cost.inputs import DELIVERED, definition, inputs_of
from cost.measured import class_costs, delivered_value, measured_values
from cost.words import Words
from ingest.context import CONTEXT, not_found, owner_of
from ingest.studio import page, shell
from presets import scenario as scenarios
from presets.document import names
from presets.price_book import price_book
from presets.scenario import INSTALLATION, scenario
from studio.numbers import parsed

routes = web.RouteTableDef()
PATH = "/studio/cost"


@routes.get(PATH)
async def show(request: web.Request) -> web.Response:
    """The answer with what was measured here. Wrong numbers are marked, and stay as they were in the answer."""
    pool, language = request.app[CONTEXT].pool, page.language(request)
    if not (await owners.by_id(pool, owner_of(request))).is_admin:
        raise not_found("page")
    known = names(scenarios.FOLDER)
    asked = request.query.get("scenario", INSTALLATION)
    chosen = asked if asked in known else INSTALLATION
    found = await costs.measured(pool)
    try:
        about, book = scenario(chosen), price_book()
        require_meant(about, book)
    except ConfigError as exc:  # the operator's own file, and the operator looks at it
        raise Problem(422, "invalid", str(exc)) from exc
    measured, delivered = measured_values(about, found), delivered_value(found)
    before = inputs_of(about, measured=measured, delivered=delivered)
    written = {name: request.query[name].strip() for name in before.values if name in request.query}
    # Empty is what follows from the other inputs.
    written = {name: text for name, text in written.items() if text or before.values[name].note != DELIVERED}
    given, wrong = _numbers(written, language)
    # What stands in the form and was not changed keeps where it comes from.
    given = {name: value for name, value in given.items() if f"{value:.10g}" != f"{before[name]:.10g}"}
    words = Words(answer(about, book, measured=measured, delivered=delivered, given=given), language)
    return shell.show(
        request,
        "cost.html",
        status=422 if wrong else 200,
        title=words.text("cost.title"),
        words=words,
        scenario=about,
        chosen=chosen,
        scenarios=_choices(known, words),
        classes=class_costs(found),
        written={name: value for name, value in written.items() if name in wrong},
        wrong=wrong,
    )


def _choices(known: tuple[str, ...], words: Words) -> list[tuple[str, str]]:
    """(name, words) of each scenario, this installation first."""
    others = [(name, _called(name)) for name in known if name != INSTALLATION]
    return [(INSTALLATION, words.text("cost.this")), *others]


def _called(name: str) -> str:
    """What a scenario calls itself; one that cannot be read is an error once it is chosen."""
    try:
        return scenario(name).name
    except ConfigError:
        return name


def _numbers(written: dict[str, str], language: str) -> tuple[dict[str, float], set[str]]:
    """The inputs that were written, and the names of those that are no number they may be. "" is without end."""
    given: dict[str, float] = {}
    wrong = set()
    for name, text in written.items():
        try:
            given[name] = _number(name, text, language)
        except ValueError:
            wrong.add(name)
    return given, wrong


def _number(name: str, text: str, language: str) -> float:
    known = definition(name)
    if not text and math.isinf(known.default):
        return math.inf
    value = parsed(text, language)
    if not known.least <= value <= known.most or math.isinf(value):
        raise ValueError(text)
    return value
