"""What one endpoint is sent next: events of one subject in order and one at a time, others beside them. Pure."""

from collections.abc import Iterable

from core.db.webhook_deliveries import Due


class Queue:
    """Deliveries of one endpoint that are known here: waiting, being sent, or not yet recorded."""

    def __init__(self) -> None:
        self._waiting: dict[int, Due] = {}
        self._sending: dict[int, str] = {}
        self._ended: set[int] = set()

    @property
    def known(self) -> list[int]:
        """All of them, by their numbers: not to be read again."""
        return [*self._waiting, *self._sending, *self._ended]

    @property
    def waiting(self) -> int:
        """How many have not begun."""
        return len(self._waiting)

    def add(self, found: Iterable[Due]) -> None:
        """More of them, in order."""
        self._waiting.update((due.delivery, due) for due in found)

    def take(self) -> Due | None:
        """The first whose subject has nothing under way; it is under way from now on. None: there is none."""
        busy = set(self._sending.values())
        for number, due in self._waiting.items():
            if due.subject_id not in busy:
                del self._waiting[number]
                self._sending[number] = due.subject_id
                return due
        return None

    def ended(self, due: Due, *, blocks: bool) -> None:
        """An attempt is over. `blocks`: it comes again, and what waits behind it with it, read anew."""
        del self._sending[due.delivery]
        self._ended.add(due.delivery)
        if blocks:
            behind = [number for number, other in self._waiting.items() if other.subject_id == due.subject_id]
            for number in behind:
                del self._waiting[number]

    def recorded(self) -> None:
        """How the attempts ended is in the database."""
        self._ended.clear()
