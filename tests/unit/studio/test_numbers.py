"""Numbers with units, as people of a language write them."""

import pytest

from studio.numbers import bit_rate, brief_time, number, parsed, size, time_taken
from studio.texts import text_in

EN, RU = text_in("en"), text_in("ru")


@pytest.mark.parametrize(
    ("value", "digits", "english", "russian"),
    [(29.97, 2, "29.97", "29,97"), (30.0, 2, "30", "30"), (0.04, 1, "0", "0"), (1000.0, 0, "1000", "1000")],
)
def test_number(value: float, digits: int, english: str, russian: str) -> None:
    assert (number(value, "en", digits), number(value, "ru", digits)) == (english, russian)


@pytest.mark.parametrize(
    ("written", "english", "russian"),
    [
        ("2,000,000", 2e6, None),
        ("2 000\N{NO-BREAK SPACE}000,5", 2_000_000.5, 2_000_000.5),
        ("10,000", 1e4, 10.0),
        ("0,05", 0.05, 0.05),
        (" 1.25 ", 1.25, 1.25),
        ("1 2", None, None),
        ("many", None, None),
    ],
)
def test_a_number_that_was_written(written: str, english: float | None, russian: float | None) -> None:
    for language, wanted in (("en", english), ("ru", russian)):
        if wanted is None:
            with pytest.raises(ValueError, match="could not convert"):
                parsed(written, language)
        else:
            assert parsed(written, language) == wanted


def test_units() -> None:
    assert [size(n, "en", EN) for n in (0, 999, 1000, 1_753_098, 2 * 10**9)] == [
        *("0 bytes", "999 bytes", "1 kB", "1.8 MB", "2 GB")
    ]
    assert size(1_753_098, "ru", RU) == "1,8 МБ"
    assert [bit_rate(n, "en", EN) for n in (870_698, 999_999, 2_840_000)] == ["871 kb/s", "1000 kb/s", "2.8 Mb/s"]
    assert [time_taken(s, "en", EN) for s in (3.79, 37.2, 119.0, 200.0)] == ["3.8 s", "37 s", "119 s", "3.3 min"]
    assert [brief_time(ms, "en", EN) for ms in (0, 34, 999, 1204)] == ["0 ms", "34 ms", "999 ms", "1.2 s"]
    assert brief_time(1204, "ru", RU) == "1,2 с"
