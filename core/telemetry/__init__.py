"""JSON logs, Prometheus metrics, and named points at which a test makes a process die."""
