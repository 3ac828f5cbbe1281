"""Who may watch, and which playlist a session gets."""
