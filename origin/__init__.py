"""The read door (HTTP): playback sessions, signed paths, bytes, and the watch page.

PostgreSQL is asked only when a session starts.
"""
