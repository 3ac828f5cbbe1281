"""Every event that a stack has written is as /asyncapi.json says: checked of each stack of a run before it stops."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from jsonschema import Draft7Validator
from pydantic import SecretStr

from core.db import postgres
from core.db.outbox import Event
from core.settings import Settings


async def faults_of_events(database_url: str, document: Any) -> list[str]:
    """A line for each way in which events of this database are not as the AsyncAPI document says, with their type."""
    columns = ", ".join(field.name for field in fields(Event))
    pool = await postgres.connect(Settings(database_url=SecretStr(database_url), database_pool=1))
    try:
        rows = await pool.fetch(f"SELECT {columns} FROM events ORDER BY position")
    finally:
        await pool.close()
    return faults((Event(**row) for row in rows), document)


def faults(events: Iterable[Event], document: Any) -> list[str]:
    """The same of these events."""
    validators = _validators(document)
    told: Counter[str] = Counter()
    for event in events:
        if event.type not in validators:
            told[f"{event.type} is not in /asyncapi.json"] += 1
            continue
        for error in validators[event.type].iter_errors(event.envelope()):
            told[f"{event.type} is not as /asyncapi.json says: {error.json_path}: {error.message}"] += 1
        if event.object_type in ("asset", "upload", "track") and event.asset_id is None:
            told[f"{event.type} does not name its asset"] += 1
    return [f"{fault} ({count} events)" for fault, count in told.items()]


def _validators(document: Any) -> dict[str, Draft7Validator]:
    messages = document["channels"]["webhooks"]["messages"]
    return {
        name: Draft7Validator({**message["payload"], "components": document["components"]})
        for name, message in messages.items()
    }
