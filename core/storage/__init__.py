"""Object storage: the S3 client, the keys of every object, and objects that are named by their own hash."""
