"""A checker of published HLS titles: playlists, CMAF segments, WebVTT and a DASH manifest, read as players read them
and held against Apple's HLS Authoring Specification and RFC 8216bis, each fault with the number of its rule.

On the command line: `kadr check URL`, or the path of a playlist. As a library:

    title = await gather(url)  # hls_checker.gather: reads everything below the multivariant playlist
    for fault in faults(title):  # hls_checker.rules: pure
        print(fault.rule, fault.severity, fault.where, fault.sentence)

It works on titles of any system. It imports nothing of Kadr and shares no parser with it (docs/adr/0017): what the code
that writes playlists and segments gets wrong, a reader shared with it would get wrong, too. `fetch.CheckLimits` bounds
what one check may read and how long it may take.
"""
