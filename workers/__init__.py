"""The only place that knows the order of steps: claims, leases, retries, and which step follows which.

pipeline: kinds of step -> the functions that do their work, one file per kind. worker: claim steps, keep their leases,
end them. listener: hints wake the worker. fan_in: the last part of an encode queues its publication. given_up: what a
step that cannot be done means for its owner. reconciler: the backstop. stage, step_context: what steps are given,
answer and have in common. kept, texts: what they leave in storage for each other.
"""
