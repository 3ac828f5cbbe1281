"""Entry point of `python -m kadr`, which is the same as `kadr`."""

from kadr.cli import main

main()
