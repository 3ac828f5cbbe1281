"""The only place that knows the order of steps: claims, leases, retries, and what follows what.

pipeline: the order. accept, probe, plan, encode, publish: one step each. worker: claim, keep, end. reconciler: the backstop.
"""
