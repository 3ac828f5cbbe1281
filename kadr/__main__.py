"""`python -m kadr` is `kadr`."""

from kadr.cli import main

main()
