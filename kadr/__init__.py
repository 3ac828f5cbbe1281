"""The roof: the command line, and the embedded stack that runs the whole house on one machine."""
