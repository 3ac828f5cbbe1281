"""A checker for published HLS titles: reads playlists, CMAF segments, WebVTT and a DASH manifest as players do, and
reports where they break Apple's HLS Authoring Specification or RFC 8216bis, with the number of each rule.

On the command line: `kadr check URL`, or the path of a playlist. As a library:

    title = await gather(url)  # hls_checker.gather: reads everything below the multivariant playlist
    for fault in faults(title):  # hls_checker.rules: pure
        print(fault.rule, fault.severity, fault.where, fault.sentence)

It works on titles of any system. It imports nothing of Kadr and shares no parser with it (docs/adr/0017): a shared
parser would repeat the mistakes of the code that writes the files. `fetch.CheckLimits` limits how much one check may
read and how long it may take.
"""
