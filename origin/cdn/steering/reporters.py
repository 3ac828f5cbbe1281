"""Who has reported on a pathway lately, so that each session counts once and no address counts for many. Pure.

In: a pathway, a session and an address of a report. Out: whether it counts. Anybody can begin sessions of a public
title, so what one address (of IPv6 a /64, which one household has) says is bounded as well.
"""

PER_ADDRESS = 5  # a fourth of what opens a breaker
MAX_REMEMBERED = 100_000


class Reporters:
    """The reports of the current window of `window_s` seconds; with the next one all may report again."""

    def __init__(self, window_s: float, per_address: int = PER_ADDRESS) -> None:
        self._window_s = window_s
        self._per_address = per_address
        self._window = -1
        self._sessions: set[tuple[str, str]] = set()
        self._of_address: dict[tuple[str, str], int] = {}

    def admits(self, pathway: str, session: str, address: str, now: float) -> bool:
        """Whether this report counts. `now` is in Unix seconds."""
        if (window := int(now // self._window_s)) != self._window:
            self._window, self._sessions, self._of_address = window, set(), {}
        if (pathway, session) in self._sessions or len(self._sessions) >= MAX_REMEMBERED:
            return False
        counted = self._of_address.get((pathway, address), 0)
        if counted >= self._per_address:
            return False
        self._of_address[pathway, address] = counted + 1
        self._sessions.add((pathway, session))
        return True

    def has_admitted(self, pathway: str, session: str) -> bool:
        """Whether a report of this session has counted in the window of the last call of `admits`."""
        return (pathway, session) in self._sessions
