"""Every benchmark in turn, one report of all, and two reports compared: `kadr bench all` and `kadr bench compare`."""
