"""Per-title analysis: samples are encoded and measured, a model of the title picks its rungs."""
