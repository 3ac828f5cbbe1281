"""Simulated viewers for `kadr bench click_through`."""
