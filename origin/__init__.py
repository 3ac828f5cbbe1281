"""The read door (HTTP): playback sessions, signed paths, bytes, and the watch page. Needs PostgreSQL only to start a session."""
