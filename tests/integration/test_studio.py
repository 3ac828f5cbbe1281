"""The studio in a real browser, as a seller uses it on a phone: upload, watch, choose a poster, mend a caption."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser

from studio import MODULES
from studio.texts import catalogue
from tests import runs
from tests.browsers import VIDEO, Visit, visiting
from tests.catalogue import asset_of, clip_file
from tests.media import generate
from tests.stack import PLAIN, Stack, as_owner
from tests.studio import OWN_PAGE, enter, send, sign_in
from tests.studio_pages import DESK, HOSTILE, PHONE, wrong
from tests.waiting import until
from tests.web import fetch

pytestmark = pytest.mark.browser
DROP_BESIDE = """(() => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([], "empty.mp4", {type: "video/mp4"}));
  const drop = new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true});
  return document.querySelector("h1").dispatchEvent(drop);
})()"""
QUOTED = 'Cups, 3" wide, <b>by hand</b>'
AXE = MODULES / "axe-core" / "axe.min.js"


@pytest.fixture
async def stack(stack: Stack) -> Stack:
    """The shared stack, for an owner in whose library is nothing of other tests."""
    return await as_owner(stack, "seller")


@pytest.fixture
async def phone(browser: Browser, stack: Stack) -> AsyncIterator[Visit]:
    async with visiting(browser, *PHONE) as made:
        await enter(made, stack)
        yield made


async def test_from_a_file_to_a_page_on_a_phone(phone: Visit, stack: Stack) -> None:
    page, base = phone.page, stack.endpoints["api"]
    await page.goto(f"{base}/studio/upload")
    # A file dropped beside the field is taken as well; the browser does not leave the page to show it.
    assert await page.evaluate(DROP_BESIDE) is False
    row = page.locator(".uploads li")
    await row.filter(has_text="The file is empty.").get_by_role("button", name="Cancel").click()
    await page.set_input_files("#files", clip_file("clip"))
    await row.locator("a.button").wait_for()
    assert "close this page" in await row.locator(".words").inner_text()
    asset_id = await row.get_attribute("data-asset-id")
    assert asset_id
    # It plays in its row, before or after everything is made.
    await row.locator("kadr-player .start").click()
    await phone.until(f"{VIDEO}.currentTime > 0.3")

    asset = await stack.wait(asset_id, "ready")
    made = await until(lambda: asset_of(stack, asset_id), lambda one: one["poster_url"])
    await page.goto(f"{base}/studio/library")
    listed = page.locator(f"li[data-asset-id={asset_id}]")
    assert await listed.get_attribute("data-status") == "ready"
    await listed.locator("a").click()
    assert await page.locator("h1").inner_text() == asset["title"]
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE[0], "nothing to scroll sideways"

    # Another poster, which the watch page shows.
    candidates = page.locator(".posters input")
    assert await candidates.count() > 1
    await candidates.nth(1).check()
    await page.get_by_role("button", name="Use this poster").click()
    await page.get_by_role("status").filter(has_text="Saved").first.wait_for()
    changed = await until(lambda: asset_of(stack, asset_id), lambda one: one["poster_url"] != made["poster_url"])
    shown, wanted = changed["poster_url"].partition("?")[0], (await fetch(changed["poster_url"])).body
    assert shown.encode() in (await fetch(changed["watch_url"])).body
    await until(lambda: fetch(shown), lambda answer: answer.body == wanted)

    await page.locator("input[name=title]").fill("A mug, thrown by hand")
    await page.locator("#details").get_by_role("button", name="Save", exact=True).click()
    await page.get_by_role("heading", name="A mug, thrown by hand").wait_for()
    assert f"{stack.endpoints['origin']}/player/1/kadr-player.js" in await page.locator("#share").inner_html()

    await page.get_by_role("link", name="Русский").click()
    await page.locator("#details").get_by_role("button", name="Сохранить", exact=True).wait_for()
    await page.goto(f"{base}/studio/library")
    assert await page.locator("html").get_attribute("lang") == "ru", "it stays"
    assert wrong(phone) == []


async def test_advice_comes_by_itself(phone: Visit, stack: Stack, tmp_path: Path) -> None:
    """One line in the row of what matters most, all of it on the page of the title; nothing is loaded again."""
    page, base, file = phone.page, stack.endpoints["api"], tmp_path / "evening.mp4"
    dim = "testsrc2=size=192x108:rate=12:duration=2,hue=s=0,lutyuv=y='16+(val-16)*0.14'"
    generate(file, dim, "anoisesrc=amplitude=0.0004:duration=2")
    await page.goto(f"{base}/studio/upload")
    await page.set_input_files("#files", file)
    row = page.locator(".uploads li")
    await row.locator(".advice", has_text="The picture is dark. Film by a window").wait_for()
    assert await row.locator(".advice").count() == 1
    asset_id = await row.get_attribute("data-asset-id")
    asset = await until(lambda: asset_of(stack, str(asset_id)), lambda one: len(one["advice"]) == 2)
    assert [one["code"] for one in asset["advice"]] == ["dark", "silent"]
    await page.goto(f"{base}/studio/assets/{asset_id}?lang=ru")
    assert [await line.inner_text() for line in await page.locator("#advice li").all()] == [
        catalogue("ru")["code.dark"],
        catalogue("ru")["code.silent"],
    ]
    assert wrong(phone) == []


async def test_captions_are_mended_without_scripts(browser: Browser, stack: Stack, tiny: Path) -> None:
    """With them: test_captions_editor.py."""
    asset = await stack.wait(await stack.upload(tiny, **PLAIN), "ready")
    text = "WEBVTT\n\n00:00.000 --> 00:02.000\nHelo\n"
    context = await browser.new_context(java_script_enabled=False)
    without = Visit(await context.new_page())
    without.listen()
    await enter(without, stack)
    await without.page.goto(f"{stack.endpoints['api']}/studio/assets/{asset['id']}")
    adding = without.page.locator("#captions")
    await adding.locator("textarea[name=text]").fill("no captions")
    await adding.locator("input[name=caption_language]").fill("en")
    await adding.get_by_role("button", name="Add", exact=True).click()
    assert await adding.get_by_role("alert").inner_text()
    assert await adding.locator("textarea[name=text]").input_value() == "no captions"
    await adding.locator("textarea[name=text]").fill(text)
    await adding.get_by_role("button", name="Add", exact=True).click()
    await without.page.wait_for_url(re.compile("/captions/tr_"))
    track_id = without.page.url.rpartition("/")[2]
    _, made = await stack.api("GET", f"/v1/assets/{asset['id']}/tracks/{track_id}")
    field = without.page.locator("textarea[name=text]")
    await field.fill((await field.input_value()).replace("Helo", "Hello"))
    # Somebody else was quicker: both are shown, and nothing is lost.
    status, other = await stack.api(
        "PUT",
        f"/v1/assets/{asset['id']}/tracks/{made['data']['id']}",
        json={"text": text.replace("Helo", "Hallo")},
        headers={"If-Match": made["data"]["etag"]},
    )
    assert status == 200, other
    await without.page.get_by_role("button", name="Save").click()
    await without.page.get_by_role("alert").wait_for()
    assert "Hello" in await field.input_value()
    assert "Hallo" in await without.page.locator("textarea[readonly]").input_value()
    await without.page.get_by_role("button", name="Save").click()
    await without.page.get_by_role("status").first.wait_for()
    _, shown = await stack.api("GET", f"/v1/assets/{asset['id']}/tracks/{made['data']['id']}")
    assert "Hello" in shown["data"]["text"]
    await context.close()
    # Published again, the title still says why it has what it has.
    await until(lambda: fetch(asset["playback_url"]), lambda answer: b"TYPE=SUBTITLES" in answer.body)
    again = await asset_of(stack, asset["id"])
    assert [one["why"] for one in again["renditions"] if one["kind"] == "video"] == ["fixed"]


async def test_chapters_are_lines(phone: Visit, stack: Stack, tiny: Path) -> None:
    asset = await stack.wait(await stack.upload(tiny, **PLAIN), "ready")
    page = phone.page
    await page.goto(f"{stack.endpoints['api']}/studio/assets/{asset['id']}")
    field = page.locator("textarea[name=chapters]")
    await page.get_by_role("button", name="Add a chapter at the player's time").click()
    assert await field.input_value() == "0:00 Chapter"
    await page.keyboard.type("Clay & water")  # the name is selected
    await page.keyboard.press("End")
    await page.keyboard.type("\n0:01 Kiln\n\n0:02 Nothing is left of it")
    await page.get_by_role("button", name="Save chapters").click()
    told = page.locator("#chapters [role=alert]")
    assert "Line 4" in await told.inner_text()
    assert await field.input_value() == "0:00 Clay & water\n0:01 Kiln\n\n0:02 Nothing is left of it"
    await field.fill("0:00 Clay & water\n0:01 Kiln")
    await page.get_by_role("button", name="Save chapters").click()
    await page.get_by_role("status").filter(has_text="Saved").wait_for()
    assert await field.input_value() == "0:00 Clay & water\n0:01 Kiln"
    chapters = asset["playback_url"].replace("index.m3u8", "chapters.vtt")
    vtt = await until(lambda: fetch(chapters), lambda answer: answer.status == 200)
    assert b"00:00:00.000 --> 00:00:01.000\nClay &amp; water\n" in vtt.body
    refusals = [one for one in wrong(phone) if "422" not in one]
    assert refusals == []


async def test_what_is_typed_outlives_a_refusal_a_reload_and_a_session(phone: Visit, stack: Stack, tiny: Path) -> None:
    upload = await stack.begin(tiny, **PLAIN)
    page, url = phone.page, f"{stack.endpoints['api']}/studio/assets/{upload['asset_id']}"
    await page.goto(url)
    title, ref, save = (
        page.locator("input[name=title]"),
        page.locator("input[name=ref]"),
        page.locator("#details button"),
    )
    await title.fill(QUOTED)
    await ref.fill("no ref")
    await save.click()
    await page.locator("#details [role=alert]", has_text="“Belongs to” is a kind and a number").wait_for()
    assert (await title.input_value(), await ref.input_value()) == (QUOTED, "no ref")
    # There is more to show once it is made; the page is loaded again when whoever types wants it, and loses nothing.
    await stack.deliver(upload, tiny)
    await page.locator("#more button").wait_for()
    await stack.wait(upload["asset_id"], "ready")  # with one click all is there
    await page.locator("#more button").click()
    await page.locator("kadr-player").wait_for()
    await page.locator("#details [role=status]", has_text="not saved yet").wait_for()
    assert (await title.input_value(), await ref.input_value()) == (QUOTED, "no ref")
    # Nor where the session has ended.
    await ref.fill("product:42")
    await page.context.clear_cookies()
    await save.click()
    await page.locator("input[name=key]").fill(stack.endpoints["api_key"])
    await page.locator("form button").click()
    await page.wait_for_url(url)
    assert (await title.input_value(), await ref.input_value()) == (QUOTED, "product:42")
    await save.click()
    await page.locator("#details [role=status]", has_text="Saved").wait_for()
    assert (await asset_of(stack, upload["asset_id"]))["title"] == QUOTED
    assert await page.evaluate("sessionStorage.length") == 0
    # What is to be pasted on other pages is one element, whatever the title is.
    frame = await page.locator("#share textarea").nth(1).input_value()
    assert await page.evaluate(
        "(html) => [...new DOMParser().parseFromString(html, 'text/html').body.children].map(({title}) => title)", frame
    ) == [QUOTED]
    assert [problem for problem in wrong(phone) if "422" not in problem] == []


async def test_what_is_refused_is_a_page(stack: Stack) -> None:
    """For whoever looks at it; scripts get the JSON."""
    base, cookie = stack.endpoints["api"], await sign_in(stack.endpoints["api"], key=stack.endpoints["api_key"])
    looking = {**OWN_PAGE, "Accept": "text/html,*/*;q=0.8", "Accept-Language": "ru"}
    for method, path in (("GET", "assets/as_none"), ("POST", "assets/as_none/details"), ("GET", "nothing")):
        page = await send(base, method, f"/studio/{path}", cookie=cookie, headers=looking)
        assert (page.status, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert catalogue("ru")["code.not_found"] in page.body
        assert 'href="/studio/library"' in page.body
    script = await send(base, "GET", "/studio/assets/as_none", cookie=cookie)
    assert (script.status, script.body["code"]) == (404, "not_found")


async def test_deleting_is_asked_about(phone: Visit, stack: Stack, tiny: Path) -> None:
    asset_id = await stack.upload(tiny, title=HOSTILE, **PLAIN)
    await stack.wait(asset_id, "ready")
    await phone.page.goto(f"{stack.endpoints['api']}/studio/library?q=alert(1)")
    assert HOSTILE in await phone.page.locator(f"li[data-asset-id={asset_id}] .name").inner_text()
    await phone.page.locator(f"input[value={asset_id}]").check()
    await phone.page.get_by_role("button", name="Delete selected").click()
    await phone.page.get_by_role("heading", name="Delete for good?").wait_for()
    assert (await stack.api("GET", f"/v1/assets/{asset_id}"))[0] == 200
    await phone.page.get_by_role("button", name="Delete for good").click()
    await phone.page.wait_for_url(re.compile("deleted=1"))
    assert (await stack.api("GET", f"/v1/assets/{asset_id}"))[0] == 404
    assert wrong(phone) == []


async def test_pages_are_for_who_has_signed_in(stack: Stack) -> None:
    base = stack.endpoints["api"]
    async with aiohttp.ClientSession() as session:
        for path in ("library", "upload", "assets/as_1", "assets/as_1/captions/tr_1", "webhooks", "webhooks/we_1"):
            async with session.get(f"{base}/studio/{path}", allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"]) == (303, f"/studio/sign-in?next=/studio/{path}")
        async with session.post(f"{base}/studio/library/delete", allow_redirects=False) as answer:
            assert answer.status in (303, 403)


@pytest.mark.acceptance("every page in two themes, two languages and two widths")
@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed (make test does)")
async def test_axe_finds_nothing_serious(browser: Browser, stack: Stack, tiny: Path, tmp_path: Path) -> None:
    asset = await stack.wait(await stack.upload(tiny, **PLAIN), "ready")
    track = {"kind": "subtitles", "language": "en", "text": "WEBVTT\n\n00:00.000 --> 00:02.000\nHello\n"}
    _, made = await stack.api("POST", f"/v1/assets/{asset['id']}/tracks", json=track)
    chapters = {"chapters": [{"start_s": 0, "title": "Clay"}, {"start_s": 1, "title": "Kiln"}]}
    assert (await stack.api("PATCH", f"/v1/assets/{asset['id']}", json=chapters))[0] == 200
    _, waiting = await stack.api("POST", "/v1/uploads", json={"filename": "a.mp4", "size_bytes": 3})
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(b"no video" * 1000)
    failed = await stack.wait(await stack.upload(junk), "errored")
    title, hook = f"assets/{asset['id']}", await webhook_with_failures(stack)
    paths = (
        *("library", "library?q=nothing-like-this", "library?ref=wrong", "library?sort=longest", "upload", "account"),
        *(title, f"{title}?saved=details", f"{title}/captions/{made['data']['id']}"),
        *(f"assets/{waiting['data']['asset_id']}", f"assets/{failed['id']}"),
        *("webhooks", hook, f"{hook}?state=dead", *[f"{hook}/deliveries/{one}" for one in await sent_to(stack, hook)]),
    )
    forms = (("#chapters", "chapters"), ("#made", "delete"))
    found: list[Any] = []
    for theme in ("light", "dark"):
        for language in ("en", "ru"):
            for width, height in (PHONE, DESK):
                context = await browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=theme, locale=language
                )
                visit = Visit(await context.new_page())
                visit.listen()
                await enter(visit, stack)
                for path in paths:
                    await visit.page.goto(f"{stack.endpoints['api']}/studio/{path}")
                    found += [(path, theme, language, width, *one) for one in await faults(visit, width)]
                # What a form answers: what is wrong with a line, and the question before a deletion.
                for section, form in forms:
                    await visit.page.goto(f"{stack.endpoints['api']}/studio/{title}")
                    await visit.page.locator("textarea[name=chapters]").fill("no time")
                    async with visit.page.expect_navigation():
                        await visit.page.locator(f"{section} form[action*={form}] button:not([type])").click()
                    found += [(form, theme, language, width, *one) for one in await faults(visit, width)]
                await visit.page.goto(f"{stack.endpoints['api']}/studio/{hook}")
                await visit.page.locator("#switch form[action*=delete] button").click()
                found += [("delete", theme, language, width, *one) for one in await faults(visit, width)]
                await visit.page.context.clear_cookies()
                for path in ("sign-in", "sign-in?link=sl_unknown"):
                    await visit.page.goto(f"{stack.endpoints['api']}/studio/{path}")
                    found += [(path, theme, language, width, *one) for one in await faults(visit, width)]
                await context.close()
    assert found == []


async def webhook_with_failures(stack: Stack) -> str:
    """The page of a webhook for two kinds of events, whose test nobody has answered."""
    hook = {"url": "http://127.0.0.1:9/hook", "types": ["video.asset.*", "video.track.ready"]}
    _, made = await stack.api("POST", "/v1/webhook_endpoints", json=hook)
    ident = made["data"]["id"]
    assert (await stack.api("POST", f"/v1/webhook_endpoints/{ident}/test"))[0] == 202
    return f"webhooks/{ident}"


async def sent_to(stack: Stack, hook: str) -> list[str]:
    """Ids of the events that were sent to this webhook, once there are any that were not taken."""

    async def tried() -> list[str]:
        _, log = await stack.api("GET", f"/v1/webhook_endpoints/{hook.rpartition('/')[2]}/deliveries")
        return [one["event_id"] for one in log["data"] if one["last_attempt"]]

    return await until(tried)


async def faults(visit: Visit, width: int) -> list[tuple[Any, ...]]:
    """What axe finds that is serious, and how wide a page is that is wider than the screen."""
    await visit.page.evaluate(AXE.read_text("utf-8"))
    seen = await visit.page.evaluate("axe.run({resultTypes: ['violations']})")
    found: list[tuple[Any, ...]] = [
        (one["id"], [node["target"] for node in one["nodes"]][:3])
        for one in seen["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    wide = await visit.page.evaluate("document.documentElement.scrollWidth")
    return [*found, *([("too wide", wide)] if wide > width else [])]


@pytest.mark.acceptance("two files, a lost network and a closed tab")
async def test_uploads_outlive_a_lost_network_and_a_closed_tab(phone: Visit, stack: Stack, tmp_path: Path) -> None:
    files = []
    for number in range(2):
        file = tmp_path / f"two-{number}.mp4"
        size = f"{320 + 16 * number}x180"
        generate(
            file,
            f"testsrc2=size={size}:rate=25:duration=20",
            "anoisesrc=duration=20",
            "-b:v",
            "8M",
            "-c:a",
            "pcm_s16le",
            "-f",
            "mov",
        )
        files.append(file)
    page = phone.page
    await page.goto(f"{stack.endpoints['api']}/studio/upload")
    network = await page.context.new_cdp_session(page)
    await network.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 2_000_000}
    await network.send("Network.emulateNetworkConditions", slow)
    await page.set_input_files("#files", files)
    bars = page.locator("progress.sending")
    await phone.until("[...document.querySelectorAll('progress.sending')].every(({value}) => value > 0.05)")
    await page.context.set_offline(True)
    await phone.until(
        "[...document.querySelectorAll('.words')].some(({textContent}) => textContent.includes('network'))"
    )
    await page.context.set_offline(False)
    await page.reload()
    await page.locator("li.left").first.wait_for()
    assert await page.locator("li.left").count() == 2
    await network.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    await page.set_input_files("#files", files)
    async with asyncio.timeout(90 * runs.patience()):
        await phone.until("document.querySelectorAll('.uploads li[data-asset-id]').length === 2", 80)
    assert await bars.count() == 2
    for row in await page.locator(".uploads li[data-asset-id]").all():
        asset_id = await row.get_attribute("data-asset-id")
        asset = await stack.wait(str(asset_id), "ready", within_s=240)
        assert asset["source"]["bytes"] in {file.stat().st_size for file in files}


@pytest.mark.acceptance("a part of a title by the player's time, and the title that is made of it")
async def test_a_part_is_played_and_becomes_a_title(phone: Visit, stack: Stack) -> None:
    asset = await stack.wait(await stack.upload(clip_file("clip"), **PLAIN), "ready")
    page = phone.page
    await page.goto(f"{stack.endpoints['api']}/studio/assets/{asset['id']}")
    await page.locator("kadr-player .start").click()
    await phone.until(f"{VIDEO}.readyState >= 2")
    await phone.of_video("pause()")
    start, end = page.locator("input[name=start_s]"), page.locator("input[name=end_s]")
    for seconds, button, field in ((2, "From here", start), (3.5, "To here", end)):
        await page.evaluate(f"{VIDEO}.currentTime = {seconds}")
        await phone.until(f"!{VIDEO}.seeking")
        await page.get_by_role("button", name=button).click()
        assert float(await field.input_value()) == pytest.approx(seconds, abs=0.05)
    assert "0:02–0:03" in await page.locator("#trim output").inner_text()
    await page.get_by_role("button", name="Play this part").click()
    await phone.until(f"{VIDEO}.paused && {VIDEO}.currentTime >= 3.4")
    assert await phone.of_video("currentTime") < 4.5, "it stops where the part ends"
    await end.fill("1")
    await page.get_by_role("button", name="Make a new video of this part").click()
    assert "end must come after" in await page.locator("#trim output").inner_text()
    assert asset["id"] in page.url
    await end.fill("3.5")
    await page.get_by_role("button", name="Make a new video of this part").click()
    await page.wait_for_url(lambda url: "/studio/assets/as_" in url and asset["id"] not in url)
    made = await stack.wait(page.url.partition("?")[0].rpartition("/")[2], "ready")
    assert made["duration_s"] == pytest.approx(1.5, abs=0.1)
    assert wrong(phone) == []
