"""Signed tokens: one codec (key id, claims, HMAC) and the playback token built on it."""
