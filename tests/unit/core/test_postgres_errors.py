"""core.db.postgres.UNAVAILABLE: whatever a server that goes away makes asyncpg raise is worth another try."""

import asyncpg
import pytest

from core.db import postgres


@pytest.mark.parametrize(
    "raised",
    [
        ConnectionRefusedError,
        TimeoutError,
        asyncpg.ConnectionDoesNotExistError,
        asyncpg.AdminShutdownError,
        asyncpg.CannotConnectNowError,
        asyncpg.DeadlockDetectedError,
        asyncpg.InterfaceError,
        # "cannot switch to state 15; another operation (2) is in progress": the pool resets a connection whose server
        # was killed in the middle of a query. A worker that did not expect it ended.
        asyncpg.InternalClientError,
    ],
)
def test_the_server_is_away(raised: type[Exception]) -> None:
    assert issubclass(raised, postgres.UNAVAILABLE)


@pytest.mark.parametrize("raised", [asyncpg.UniqueViolationError, asyncpg.UndefinedColumnError, ValueError])
def test_a_wrong_statement_is_not_tried_again(raised: type[Exception]) -> None:
    assert not issubclass(raised, postgres.UNAVAILABLE)
