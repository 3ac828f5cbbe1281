"""One file per question, honest peers beside us. Nothing here yet."""
