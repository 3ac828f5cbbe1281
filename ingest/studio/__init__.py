"""The studio: pages for owners at /studio/, and the sessions by which their browsers are known.

Scripts of these pages call the API with the session's cookie; machines call it with an API key.
"""
