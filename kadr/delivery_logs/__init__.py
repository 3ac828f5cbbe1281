"""Logs of CDNs: their formats, and reading a file of them once and no line of it twice."""
