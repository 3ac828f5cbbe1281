"""The embedded stack: real PostgreSQL, Redis and S3 from wheels, and Kadr's own processes, under one parent.

`up.up` runs it all; `home` owns the folder; `supervisor` keeps children alive; `postgres`, `redis` and `s3` know one
server each. Nothing here is imported by the production processes: they get URLs.
"""
