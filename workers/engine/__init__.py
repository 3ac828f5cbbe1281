"""The machinery around steps: claims, leases, retries, hints, fan-in, memory and local files. Knows no media."""
