"""A crawler that checks whether search engines and other people's sites find the videos of a site: robots.txt,
sitemaps, pages, and every address that they give.

On the command line: `kadr check --seo URL`. As a library:

    async for finding in crawl(url):  # seo_checker.crawl
        print(finding)

It works on any site. It imports nothing of Kadr and shares no reader with it (docs/adr/0017): a shared reader would
repeat the mistakes of the code that writes the pages. `fetch.CrawlLimits` says how much it asks for, and how fast.
"""
