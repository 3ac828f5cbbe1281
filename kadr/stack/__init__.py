"""The embedded stack of `kadr up`: PostgreSQL, Redis and S3 from wheels, and Kadr's own processes, under one parent.

One file per server, process and stage of a start, hence more than 15: `up` runs all of it; `home` owns the state
folder; `supervisor` keeps children running; `postgres`, `redis` and `s3` handle one server each. Production processes
import nothing from here: they are configured with URLs.
"""
