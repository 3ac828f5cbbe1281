"""Numbered migrations, applied once each, in order, by core.db.postgres.migrate."""
