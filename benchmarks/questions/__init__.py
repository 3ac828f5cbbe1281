"""One file per question, each with a `main(argv)`; `kadr bench NAME` runs it."""
