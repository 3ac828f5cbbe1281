"""What search engines and other people's sites read of titles: structured data, meta tags, oEmbed, sitemaps. Pure.

Which titles may be named at all is decided in core.listing.
"""
