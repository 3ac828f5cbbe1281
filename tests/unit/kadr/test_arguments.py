"""The help of every command and benchmark: argparse renders it, and each option says what it is for."""

import argparse
import importlib
from collections.abc import Iterator

import pytest

from kadr.arguments import BENCHMARKS, parser
from origin.cdn.signers.registry import SCHEMES


def _parsers(root: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield root
    for action in root._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _parsers(command)


COMMANDS = {each.prog: each for each in _parsers(parser())}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_has_a_help_text(name: str) -> None:
    actions = [action for action in COMMANDS[name]._actions if not isinstance(action, argparse._SubParsersAction)]
    assert actions
    assert [action.dest for action in actions if not action.help] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_is_text(name: str) -> None:
    # An unescaped percent sign makes argparse print the option's attributes, or fail.
    text = COMMANDS[name].format_help()
    assert text.startswith("usage: ")
    assert "option_strings" not in text
    assert "default: None" not in text
    assert "default: False" not in text


def test_defaults_are_shown() -> None:
    text = COMMANDS["kadr encode"].format_help()
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
    help_text = " ".join(COMMANDS["kadr sign"].format_help().split())
    assert len(SCHEMES) > 5
    assert [scheme for scheme in SCHEMES if scheme not in help_text] == []
