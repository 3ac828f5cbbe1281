"""The origin: HTTP for players and CDNs. Playback sessions, signed paths, media files, images and the watch page.

PostgreSQL is read when a session starts, never for a media file that exists.
"""
