"""How subcommands of the command line are added, and how their help looks."""

import argparse
from typing import TypeAlias


class HelpFormatter(argparse.HelpFormatter):
    """Adds "(default: ...)" to options that have a default value, unless their help text already mentions one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help or ""
        unset = action.default is None or action.default is False or action.default in ("", [], argparse.SUPPRESS)
        if unset or "default" in text:
            return text
        return f"{text} (default: %(default)s)".strip()


Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(commands: Commands, name: str, text: str, details: str = "") -> argparse.ArgumentParser:
    """A subcommand. `text` is its line in the list of commands, `details` are more sentences for its own help."""
    description = f"{text[0].upper()}{text[1:]}. {details}".strip()
    return commands.add_parser(name, help=text, description=description, formatter_class=HelpFormatter)
