"""The CDNs a title is delivered by: their configuration, URL signers, purging and steering."""
