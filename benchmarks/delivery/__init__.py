"""nginx for `kadr bench origin`."""
