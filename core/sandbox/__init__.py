"""Media programs on untrusted files: the policy as values, the launcher that applies it, the runner, its output."""
