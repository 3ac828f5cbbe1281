"""Forms about webhooks: what they send in the words of the API, and the events that they offer. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.event_types import ALL, EVENT_TYPES, WebhookEndpointTest
from studio.texts import Text

Form = Mapping[str, Sequence[str]]  # every value of each field
# A test goes to the endpoint that it was asked for, whatever that one has chosen.
OFFERED = tuple(name for name in EVENT_TYPES if name != WebhookEndpointTest.type)
NAMED = 3  # events of an endpoint that a list names


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A checkbox: a type of event, or a pattern of several."""

    value: str
    words: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Checkboxes about one kind of object."""

    name: str
    choices: list[Choice]


def settings(form: Form) -> dict[str, Any]:
    """The fields of an endpoint. Whoever chooses all events chooses no others."""
    types = list(form.get("types", ()))
    return {
        "url": _last(form, "url").strip(),
        "types": [ALL] if ALL in types else types,
        "description": _last(form, "description"),
    }


def redelivery(form: Form) -> dict[str, Any]:
    """What is to be sent again. A time without a zone, which is what browsers send, is by UTC."""
    sent: dict[str, Any] = {name: _last(form, name) for name in ("event_id", "dead", "from") if name in form}
    return {**sent, "from": _in_utc(sent["from"])} if "from" in sent else sent


def groups(chosen: Collection[str], text: Text) -> list[Group]:
    """Every event as a checkbox, by what it is about. Chosen patterns, which only the API sets, come first."""
    made: dict[str, list[Choice]] = {}
    others = [name for name in chosen if name not in OFFERED and name != ALL]
    if others:
        made[text("webhooks.patterns")] = [_choice(name, chosen, text) for name in others]
    for name in OFFERED:
        about = text(f"webhooks.object.{EVENT_TYPES[name].object_type}")
        made.setdefault(about, []).append(_choice(name, chosen, text))
    return [Group(name=name, choices=choices) for name, choices in made.items()]


def _choice(name: str, chosen: Collection[str], text: Text) -> Choice:
    return Choice(value=name, words=event(name, text), is_chosen=name in chosen)


def event(name: str, text: Text) -> str:
    """A type of event in words, or all events that a pattern names."""
    if name == ALL:
        return text("webhooks.all")
    return text(f"event.{name}") if name in EVENT_TYPES else text("webhooks.all_of", beginning=name.removesuffix("*"))


def events(types: Sequence[str], text: Text) -> str:
    """What an endpoint is sent, in words: the first NAMED of it, and how many more there are."""
    words = " · ".join(event(name, text) for name in types[:NAMED])
    return text("webhooks.and_more", events=words, n=str(len(types) - NAMED)) if len(types) > NAMED else words


def _last(form: Form, name: str) -> str:
    values = form.get(name)
    return values[-1] if values else ""


def _in_utc(written: str) -> str:
    """The time with its zone; the text itself where it is no time, which the API refuses."""
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        return written
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
