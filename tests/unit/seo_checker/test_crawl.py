"""kadr check --seo: a sound site has no findings; with one thing broken, the rules about that thing are told."""

import asyncio
import gzip
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kadr import cli
from seo_checker import rules
from seo_checker.crawl import Report, crawl
from seo_checker.errors import CannotCheck
from seo_checker.facts import Answer, Document, Entry, Sitemap, Visit
from seo_checker.fetch import CrawlLimits
from seo_checker.report import as_metrics
from tests.seo_breaks import BREAKS
from tests.seo_site import ENTRY, PAGE, PART, File, Site, served, sound

QUICK = CrawlLimits(rate=100_000)


async def report_of(site: Site, limits: CrawlLimits = QUICK) -> Report:
    async with served(site) as url:
        return await crawl(url, limits=limits)


async def test_a_sound_site() -> None:
    report = await report_of(sound())
    assert [str(one) for one in report.findings] == []
    assert (report.files, report.listed, report.pages, report.ok) == (2, 1, 1, True)


@pytest.mark.parametrize("name", BREAKS)
async def test_one_thing_broken(name: str) -> None:
    broken, told = BREAKS[name]
    site = sound()
    broken(site)
    report = await report_of(site)
    assert {one.rule for one in report.findings} == told, "\n".join(map(str, report.findings))


ELSEWHERE_TESTED = {"sitemap.size", "sitemap.lastmod-now", "tls"}


def test_every_rule_is_broken_somewhere() -> None:
    names = [rule.id for rule in rules.ALL]
    assert len(names) == len(set(names)), "an id stands for one rule"
    told = ELSEWHERE_TESTED.union(*(rules_told for _, rules_told in BREAKS.values()))
    assert told == set(names)


def test_the_documentation_has_every_rule() -> None:
    """With its severity, what holds and who says so."""
    text = (Path(__file__).parents[3] / "docs" / "search_engines.md").read_text().replace("`<video>`", "<video>")
    rows = [f"| `{one.id}` | {one.severity} | {one.sentence} | {one.source} |" for one in rules.ALL]
    assert len(rows) > 50
    assert [row for row in rows if row not in text.splitlines()] == []
    assert len([line for line in text.splitlines() if line.count(" | ") == 3 and line.startswith("| `")]) == len(rows)


def sitemap(*entries: Entry, size: int = 100) -> Sitemap:
    answer = Answer(url="https://a.example/s.xml", status=200, headers={"content-type": "text/xml"})
    return Sitemap(url=answer.url, answer=answer, size=size, entries=entries)


def entries(count: int, *lastmods: str) -> list[Entry]:
    return [
        Entry(loc=f"https://a.example/{n}", sitemap="https://a.example/s.xml", lastmods=lastmods) for n in range(count)
    ]


def told(file: Sitemap) -> list[str]:
    return [one.rule for one in rules.of_file(file)]


def test_the_limits_of_a_file() -> None:
    assert told(sitemap(*entries(50_000), size=52_428_800)) == []
    assert told(sitemap(*entries(50_001))) == ["sitemap.size"]
    assert told(sitemap(*entries(1), size=52_428_801)) == ["sitemap.size"]


def test_not_every_page_can_have_changed_just_now() -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    assert told(sitemap(*entries(20, now))) == ["sitemap.lastmod-now"]
    assert told(sitemap(*entries(20, now), *entries(1, "2026-01-02"))) == ["sitemap.repeated"]
    assert told(sitemap(*entries(19, now))) == []


def test_other_machines_are_read_over_tls() -> None:
    def asked(url: str) -> list[str]:
        entry = Entry(loc=url, sitemap=url)
        visit = Visit(entry=entry, answer=Answer(url=url, status=404), document=Document())
        return [one.rule for one in rules.of_page(visit) if one.rule == "tls"]

    assert asked("http://a.example/watch") == ["tls"]
    assert [url for url in ("https://a.example/", "http://127.0.0.1:1/", "http://localhost/") if asked(url)] == []


async def test_limits_of_a_crawl() -> None:
    site = sound()
    for number in range(2, 6):
        site.edit("/sitemaps/1.xml", "</urlset>", ENTRY.replace("watch/1", f"watch/{number}") + "</urlset>")
        site.files[f"/watch/{number}"] = File(
            body=PAGE.replace("watch/1", f"watch/{number}").encode(), kind="text/html"
        )
    report = await report_of(site, CrawlLimits(rate=100_000, pages=2))
    assert (report.pages, report.listed) == (2, 5)
    report = await report_of(site, CrawlLimits(rate=100_000, only="watch/4"))
    assert report.pages == 1


async def test_a_sitemap_that_is_gzipped_itself() -> None:
    site = sound()
    site.edit("/sitemap.xml", "1.xml", "1.xml.gz")
    async with served(site) as url:
        packed = gzip.compress(PART.replace("BASE", url).encode())
        site.files["/sitemaps/1.xml.gz"] = File(body=packed, kind="application/x-gzip")
        report = await crawl(url, limits=QUICK)
        assert (report.pages, report.findings) == (1, ())
        site.files["/sitemaps/1.xml.gz"].body = packed[:2] + b"broken" + packed[8:]
        report = await crawl(url, limits=QUICK)
        assert {one.rule for one in report.findings} == {"sitemap.xml", "sitemap.empty"}


async def test_a_crawl_is_gentle() -> None:
    site = sound()
    async with served(site) as url:
        report = await crawl(url, limits=CrawlLimits(rate=200))
    assert report.requests > 10
    assert report.seconds >= (report.requests - 1) / 200


async def test_what_cannot_be_checked() -> None:
    with pytest.raises(CannotCheck, match="no http or https URL"):
        await crawl("ftp://a.example/")
    async with served(sound()) as url:
        pass
    with pytest.raises(CannotCheck, match=r"robots\.txt: it cannot be read"):
        await crawl(url, limits=QUICK)


async def test_numbers_for_prometheus() -> None:
    site = sound()
    site.files["/poster.png"].kind = "image/jpeg"
    lines = as_metrics(await report_of(site)).splitlines()
    assert 'kadr_seo_findings{rule="thumbnail.type",severity="error"} 1' in lines
    assert 'kadr_seo_findings{rule="thumbnail.size",severity="error"} 0' in lines
    assert 'kadr_seo_pages{looked_at="yes"} 1' in lines
    assert len([line for line in lines if line.startswith("# TYPE")]) == 4


async def run(*args: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of `kadr check`."""
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kadr", "check", *args),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await program.communicate()
    assert program.returncode is not None
    return program.returncode, out.decode(), err.decode()


async def test_the_command(tmp_path: Path) -> None:
    site, numbers = sound(), tmp_path / "seo.prom"
    site.edit("/watch/1", "<h1>", "<h2>")
    async with served(site) as url:
        code, out, _ = await run("--seo", url, "--rate", "10000", "--metrics", str(numbers))
        assert (code, out.splitlines()[0].split()[:2]) == (0, ["warning", "page.h1"])
        assert out.splitlines()[-1].startswith("0 errors, 1 warning, 0 notes: 1 of 1 pages, 2 sitemap files, ")
        assert 'kadr_seo_findings{rule="page.h1",severity="warning"} 1' in numbers.read_text().splitlines()
        site.files["/watch/1"].status = 404
        code, out, _ = await run("--seo", url, "--rate", "10000", "--json")
    assert (code, json.loads(out)["findings"][0]["rule"]) == (1, "page.status")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("--seo", "https://a.example/", "--decode"), "--decode does not go with --seo"),
        (("https://a.example/", "--only", "x"), "--only goes with --seo only"),
        (("--seo", "https://a.example/", "--rate", "0"), "'0' is not from 1 to"),
        (("--seo", "a.example"), "no http or https URL"),
        (("--seo", "https://a.example/", "--metrics", "/nowhere/a.prom"), "there is no such folder"),
    ],
)
def test_what_the_command_refuses(args: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patched, pytest.raises(SystemExit) as ended:
        patched.setattr(sys, "argv", ["kadr", "check", *args])
        cli.main()
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
