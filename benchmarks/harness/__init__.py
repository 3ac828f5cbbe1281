"""What all benchmarks share: clips, clients, a stack of their own, measuring commands, machine facts."""
