"""Source + options -> EncodePlan: every decision about an encode, as values. Pure."""
