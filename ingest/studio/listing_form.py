"""The form that says what pages for the public say of a title: its fields in the words of the API. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from core.db.assets import Asset
from core.listing import why_unlisted
from ingest.page_markup import standing_of
from studio.texts import Text


def fields(form: dict[str, str]) -> dict[str, Any]:
    """The fields of the API that a form stands for: tags line by line, and the last day instead of a time. Pure."""
    name, url = form.get("author_name"), form.get("author_url")
    return {
        "description": form.get("description", ""),
        "tags": [line.strip() for line in form.get("tags", "").replace(",", "\n").splitlines() if line.strip()],
        "listed": form.get("listed") == "true",
        "family_friendly": form.get("adults_only") != "true",
        "page_url": form.get("page_url") or None,
        "expires_at": _end_of(form["last_day"]) if form.get("last_day") else None,
        "author": {"name": name or url, "url": url or None} if name or url else None,
    }


def _end_of(day: str) -> str:
    """The end of a day by UTC; the text itself where it is no day, which the API refuses."""
    try:
        return datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), UTC).isoformat()
    except (ValueError, OverflowError):
        return day


def last_day(expires_at: datetime | None) -> str:
    """The last day on which a title can be watched, by UTC, as a form has it; "" without an end. Pure."""
    return "" if expires_at is None else (expires_at.astimezone(UTC) - timedelta(microseconds=1)).date().isoformat()


def found(asset: Asset, text: Text) -> str:
    """Whether search engines may find a title now, and if not, why, in words."""
    why = why_unlisted(standing_of(asset), datetime.now(UTC))
    return text("studio.found.yes") if why is None else text(f"studio.found.{why}")
