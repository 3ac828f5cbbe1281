"""What each kind of step does: one file per step kind, named after it, hence more than 15 files."""
