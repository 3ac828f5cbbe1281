"""ingest.remembered: a secret that is known is not looked up again at once; one that is unknown always is."""

from ingest.remembered import Remembered


class LookUp:
    """Gives this value, and counts how often it was asked."""

    def __init__(self, value: str | None) -> None:
        self.value = value
        self.count = 0

    async def __call__(self) -> str | None:
        self.count += 1
        return self.value


async def test_what_is_known_is_remembered_until_it_is_forgotten() -> None:
    remembered, look_up = Remembered[str](for_s=60, max_entries=10), LookUp("owner")
    assert [await remembered.get(b"a", look_up) for _ in range(3)] == ["owner"] * 3
    assert look_up.count == 1
    assert await remembered.get(b"b", LookUp(None)) is None
    remembered.forget()
    look_up.value = None
    assert await remembered.get(b"a", look_up) is None


async def test_what_is_unknown_or_old_is_looked_up_each_time() -> None:
    unknown, old = LookUp(None), LookUp("owner")
    remembered = Remembered[str](for_s=-1, max_entries=10)
    for _ in range(3):
        assert await remembered.get(b"a", unknown) is None
        assert await remembered.get(b"b", old) == "owner"
    assert (unknown.count, old.count) == (3, 3)


async def test_it_does_not_grow_for_ever() -> None:
    remembered, look_up = Remembered[str](for_s=60, max_entries=2), LookUp("owner")
    for digest in (b"a", b"b", b"c"):
        assert await remembered.get(digest, look_up) == "owner"
    assert await remembered.get(b"a", look_up) == "owner"
    assert look_up.count == 4
