"""`kadr dispatcher`: takes events from the outbox to the applications that wait for them."""
