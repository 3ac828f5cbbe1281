"""Source + ladder -> EncodePlan (pure) -> encoder arguments (pure) -> CMAF segments.

sniff, source, probe: what the upload is. plan, command: what to do about it. encode, fmp4: doing it and checking it.
"""
