"""Is this commit slower than another, and does it make other bytes? What `kadr bench gate` is made of."""
