"""The help of every command and benchmark, as people see it."""

import contextlib
import importlib
import io
import re

import pytest

from kadr.arguments import BENCHMARKS, parser
from origin.cdn.signers.registry import SCHEMES


def help_of(*words: str) -> str:
    """What `kadr WORDS --help` prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        parser().parse_args([*words, "--help"])
    return printed.getvalue()


COMMANDS = re.findall(r"^    ([\w-]+)(?: |$)", help_of(), re.MULTILINE)


def test_the_commands_are_listed() -> None:
    assert {"up", "ingest", "plan", "encode", "check", "transcribe", "migrate"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_is_text(name: str) -> None:
    # An unescaped percent sign makes argparse print the option's attributes, or fail.
    text = help_of(name)
    assert text.startswith(f"usage: kadr {name}")
    assert "option_strings" not in text
    assert "default: None" not in text
    assert "default: False" not in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_has_a_help_text(name: str) -> None:
    """argparse prints the text behind the option, or indented on the next line."""
    lines = help_of(name).partition("options:")[2].splitlines()
    options = [number for number, line in enumerate(lines) if re.match(r"  -", line)]
    assert options
    for number in options:
        beside = re.match(r"  -\S.*?\S {2,}\S", lines[number])
        below = number + 1 < len(lines) and re.match(r" {10,}\S", lines[number + 1])
        assert beside or below, lines[number]


def test_defaults_are_shown() -> None:
    text = help_of("encode")
    assert "(default: standard)" in text
    assert "(default: 0.0)" in text
    assert "(default: the end of the" in " ".join(text.split())


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_help_of_a_benchmark_is_text(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"benchmarks.questions.{name}").main(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert text.startswith(f"usage: kadr bench {name}")
    assert "option_strings" not in text


def test_help_of_sign_names_every_scheme() -> None:
    text = " ".join(help_of("sign").split())
    assert len(SCHEMES) > 5
    assert [scheme for scheme in SCHEMES if scheme not in text] == []


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "yesterday"])
def test_a_day_that_nothing_was_delivered_on_is_refused(day: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["usage", "show", "--until", day])
    assert f"argument --until: '{day}' is" in capsys.readouterr().err
