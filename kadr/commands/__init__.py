"""One module per subcommand of `kadr` that does more than start a program."""
