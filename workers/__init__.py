"""The only place that knows the order of steps: claims, leases, retries, and what follows what.

pipeline: the steps by kind. accept, probe, plan, encode, publish: one step each. worker: claim, keep the lease, end.
reconciler: the backstop.
"""
