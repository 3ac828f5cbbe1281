"""The only place that knows the order of steps: claims, leases, retries, and which step follows which.

workers.steps: the function of each kind of step, one file per kind. workers.engine: claims, leases, retries, hints and
the backstop (engine.step_functions maps kinds to functions, engine.contract says what a step is given and answers).
The modules beside them are shared by several steps: artifacts and text_artifacts are what steps leave in storage for
each other, step_context is what steps on media have in common.
"""
