"""The command line, and the embedded stack that runs all of Kadr on one machine."""
