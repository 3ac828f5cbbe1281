"""Parts of `kadr bench transcode`: peers, rounds, quality, renditions, plots."""
