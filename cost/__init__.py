"""What an installation costs a month: prices and assumptions in, a bill with its lines, peers and knobs out. Pure."""
