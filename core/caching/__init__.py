"""Values kept in memory: one cache that refreshes and reads once for many, one bounded dictionary."""
