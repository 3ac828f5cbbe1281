"""What others write runs nowhere in the studio, and no page but its own writes with its cookie; in a real browser."""

from typing import Any

import pytest
from playwright.async_api import Browser, Request

from ingest.context import FORM_TYPE
from tests.browsers import VIDEO, serving_pages, visiting
from tests.catalogue import asset_of, clip_file
from tests.stack import PLAIN, Stack
from tests.studio import enter, send
from tests.studio import sign_in as cookie_for
from tests.studio_pages import HOSTILE, HOSTILE_IMAGE, HOSTILE_SVG, Watched, watching
from tests.waiting import until
from tests.web import fetch

pytestmark = pytest.mark.browser
HOSTILE_REF = f"product:{HOSTILE_IMAGE}"
HOSTILE_NAME = HOSTILE_IMAGE.replace('"', "'")  # names of tracks have no such quotes
CAPTIONS = f"WEBVTT\n\n00:00.000 --> 00:06.000\n<b>{HOSTILE}</b>&lt;img src=x onerror=alert(1)&gt;\n"
ATTACK = """<!doctype html><link rel="icon" href="data:,">
<form method="post" enctype="{enctype}" action="{url}">{fields}</form>"""


async def hostile_title(stack: Stack) -> Any:
    """A title with hostile words wherever the API takes some."""
    words = {"title": HOSTILE, "ref": HOSTILE_REF, "metadata": {"a": HOSTILE_IMAGE}}
    asset = await stack.wait(await stack.upload(clip_file("clip"), **PLAIN, **words), "ready")
    path = f"/v1/assets/{asset['id']}"
    chapters = [{"start_s": at, "title": title} for at, title in enumerate((HOSTILE, HOSTILE_IMAGE))]
    assert (await stack.api("PATCH", path, json={"chapters": chapters}))[0] == 200
    track = {"kind": "subtitles", "language": "en", "name": HOSTILE_NAME, "text": CAPTIONS}
    status, made = await stack.api("POST", f"{path}/tracks", json=track)
    assert status == 201, made
    await until(lambda: fetch(asset["playback_url"]), lambda answer: b"TYPE=SUBTITLES" in answer.body)
    return {**await asset_of(stack, asset["id"]), "track": made["data"]["id"]}


async def test_every_page_has_a_policy_that_runs_our_scripts_only(stack: Stack, tiny: Any) -> None:
    base, asset = stack.endpoints["api"], await stack.wait(await stack.upload(tiny, **PLAIN), "ready")
    track = {"kind": "subtitles", "language": "en", "text": CAPTIONS}
    _, made = await stack.api("POST", f"/v1/assets/{asset['id']}/tracks", json=track)
    cookie = await cookie_for(base, key=stack.endpoints["api_key"])
    title = f"/studio/assets/{asset['id']}"
    answers = {
        path: await send(base, "GET", path, cookie=cookie)
        for path in (
            *(
                "/studio/",
                "/studio/library",
                "/studio/library?q=none",
                "/studio/upload",
                "/studio/account",
                "/studio/webhooks",
            ),
            *(title, f"{title}/captions/{made['data']['id']}", "/studio/sign-in?link=x"),
        )
    }
    for form in ("delete", "chapters", "details", "poster", "trim"):
        fields = {"chapters": "x", "policy": "x", "start_s": "x"}
        answers[form] = await send(base, "POST", f"{title}/{form}", cookie=cookie, form=fields)
    answers["signed out"] = await send(base, "GET", "/studio/sign-in")
    answers["cross site"] = await send(
        base, "POST", f"{title}/delete", cookie=cookie, form={}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    for name in ("watch", "embed"):
        answers[name] = await send(stack.endpoints["origin"], "GET", f"/{name}/{asset['playback_ids'][0]['id']}")
    pages = {name: answer for name, answer in answers.items() if "html" in answer.headers["Content-Type"]}
    assert len(pages) >= 15
    assert {name: refused for name, answer in pages.items() if (refused := loose(answer.headers))} == {}


def loose(headers: Any) -> list[str]:
    """What a page's headers allow that they should not."""
    policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
    scripts = policy.get("script-src", policy["default-src"]).split()
    found = [
        source for source in scripts if source.startswith("'unsafe") or source in ("*", "https:", "data:", "blob:")
    ]
    found += [name for name in ("base-uri", "default-src") if policy[name] != "'none'"]
    found += [name for name in ("form-action", "frame-ancestors") if name not in policy]
    return found + (["sniffing"] if headers["X-Content-Type-Options"] != "nosniff" else [])


def test_a_loose_policy_is_seen() -> None:
    strict = "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    good = {"Content-Security-Policy": strict, "X-Content-Type-Options": "nosniff"}
    assert loose(good) == []
    assert loose({**good, "Content-Security-Policy": strict.replace("'self'; b", "'self' 'unsafe-inline' *; b")}) == [
        "'unsafe-inline'",
        "*",
    ]


@pytest.mark.acceptance("every page of the studio and both of the site, with hostile words in every field")
async def test_hostile_words_run_nowhere(browser: Browser, stack: Stack) -> None:
    asset = await hostile_title(stack)
    base, origin, ident = stack.endpoints["api"], stack.endpoints["origin"], asset["playback_ids"][0]["id"]
    async with watching(browser) as watched:
        page = watched.visit.page
        await enter(watched.visit, stack)
        for path in (
            *("", "library", "library?q=%3Cscript%3Ealert(1)%3C/script%3E", f"library?ref={HOSTILE_REF}", "account"),
            *(f"assets/{asset['id']}", f"assets/{asset['id']}/captions/{asset['track']}"),
            f"assets/{asset['id']}?lang=ru&saved={HOSTILE_IMAGE}",
        ):
            await page.goto(f"{base}/studio/{path}")
            await page.wait_for_load_state("networkidle")
            await watched.look()
        await page.goto(f"{base}/studio/assets/{asset['id']}?lang=en")
        assert await page.locator("h1").inner_text() == HOSTILE
        assert HOSTILE_NAME in await page.locator("#captions").inner_text()
        assert await page.locator("textarea[name=chapters]").input_value() == f"0:00 {HOSTILE}\n0:01 {HOSTILE_IMAGE}"
        # What a form answers with what was written, and the question before a deletion.
        await page.locator("textarea[name=chapters]").fill(f"</textarea>{HOSTILE}")
        await page.get_by_role("button", name="Save chapters").click()
        await page.locator("#chapters [role=alert]").wait_for()
        assert await page.locator("textarea[name=chapters]").input_value() == f"</textarea>{HOSTILE}"
        await watched.look()
        await page.get_by_role("button", name="Delete", exact=True).click()
        await page.get_by_role("heading", name="Delete for good?").wait_for()
        await watched.look()
        await page.goto(f"{base}/studio/upload")
        await page.set_input_files("#files", {"name": f"{HOSTILE_IMAGE}.mp4", "mimeType": "video/mp4", "buffer": b"x"})
        await page.locator(".uploads li .name").wait_for()
        assert await page.locator(".uploads li .name").inner_text() == f"{HOSTILE_IMAGE}.mp4"
        await watched.look()
        for name in ("watch", "embed"):
            await page.goto(f"{origin}/{name}/{ident}")
            await plays_with_menus(watched)
        assert (watched.dialogs, watched.violations, watched.attributes) == ([], [], [])


async def plays_with_menus(watched: Watched) -> None:
    """The player with its menus of chapters and captions open, and a caption shown."""
    page = watched.visit.page
    await page.locator("kadr-player .start").click()
    await watched.visit.until(f"{VIDEO}.readyState >= 2")
    await page.get_by_role("button", name="Chapters").click()
    items = page.get_by_role("menuitem")
    await items.first.wait_for()
    assert [text.partition(" ")[2].strip() for text in await items.all_inner_texts()] == [HOSTILE, HOSTILE_IMAGE]
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Captions").click()
    choice = page.get_by_role("menuitemradio", name=HOSTILE_NAME)
    await choice.click()
    await watched.visit.until(f"[...{VIDEO}.textTracks].some(({{activeCues}}) => activeCues?.length)")
    await watched.look()


async def test_what_would_run_is_heard(browser: Browser) -> None:
    """The page's own script runs, and one that a policy forbids is reported."""
    strict = """<!doctype html><meta http-equiv="Content-Security-Policy" content="script-src 'none'">"""
    pages = {
        "/open": HOSTILE,
        "/strict": f"{strict}<link rel='icon' href='data:,'>{HOSTILE}<img src=x onerror=alert(1)>",
    }
    async with serving_pages(pages) as base, watching(browser) as watched:
        await watched.visit.page.goto(f"{base}open")
        assert watched.dialogs == ["1"]
        await watched.visit.page.goto(f"{base}strict")
        await watched.visit.until("policyViolations.length >= 2")
        await watched.look()
        assert len(watched.violations) >= 2
        assert len(watched.attributes) == 2


@pytest.mark.acceptance("waits for a worker: make test refuses broken pictures of the API")
async def test_a_picture_that_is_a_program_is_no_poster(browser: Browser, stack: Stack) -> None:
    asset = await stack.wait(await stack.upload(clip_file("tiny"), **PLAIN), "ready")
    path = f"/v1/assets/{asset['id']}/poster"
    before = (await stack.api("GET", path))[1]["data"]["url"]
    async with watching(browser) as watched:
        page = watched.visit.page
        await enter(watched.visit, stack)
        await page.goto(f"{stack.endpoints['api']}/studio/assets/{asset['id']}")
        picture = {"name": "poster.svg", "mimeType": "image/svg+xml", "buffer": HOSTILE_SVG}
        await page.set_input_files("#poster-file", picture)
        await page.locator("kadr-poster .problem").wait_for()
        # Under another name it is taken, and no decoder opens it.
        await page.set_input_files("#poster-file", {**picture, "name": "poster.png", "mimeType": "image/png"})
        await until(lambda: stack.api("GET", path), lambda answer: answer[1]["data"]["error"])
        await page.locator("#poster > .problem").wait_for()
        assert "picture" in (await page.locator("#poster > .problem").inner_text()).lower()
        shown = await until(lambda: stack.api("GET", path), lambda answer: not answer[1]["data"]["waiting"])
        assert shown[1]["data"]["error"]["code"] == "picture_refused"
        assert before is None or shown[1]["data"]["url"] is not None
        await watched.look()
        assert (watched.dialogs, watched.violations, watched.attributes) == ([], [], [])


def attacks(base: str, asset_id: str) -> dict[str, str]:
    """Pages that send themselves to the studio: a form of each kind that browsers send to anybody."""
    title = f"{base}/studio/assets/{asset_id}"
    plain = '<input name=\'{"title":"taken"}\' value="">'
    title_field, confirmed = '<input name="title" value="taken">', '<input name="confirmed" value="yes">'
    return {
        "/details": ATTACK.format(url=f"{title}/details", enctype=FORM_TYPE, fields=title_field),
        "/delete": ATTACK.format(url=f"{title}/delete", enctype=FORM_TYPE, fields=confirmed),
        "/multipart": ATTACK.format(url=f"{title}/details", enctype="multipart/form-data", fields=title_field),
        "/api": ATTACK.format(url=f"{base}/v1/assets/{asset_id}/reprocess", enctype="text/plain", fields=plain),
        "/fetch": "<!doctype html><link rel='icon' href='data:,'>",
    }


# Each way that scripts have to send something with the reader's cookies; what comes of it, as far as they may know.
FETCH = """async ([base, asset]) => {
  const [form, confirmed] = [new URLSearchParams({title: "taken"}), new URLSearchParams({confirmed: "yes"})];
  const ways = [
    [`/studio/assets/${asset}/details`, {method: "POST", body: form}],
    [`/studio/assets/${asset}/details`, {method: "POST", body: form, mode: "no-cors"}],
    [`/studio/assets/${asset}/delete`, {method: "POST", body: confirmed, mode: "no-cors"}],
    [`/v1/assets/${asset}`, {method: "PATCH", body: '{"title": "taken"}'}],
    [`/v1/assets/${asset}`, {method: "DELETE"}],
    [`/v1/assets/${asset}/reprocess`, {method: "POST", body: "{}", mode: "no-cors"}],
    [`/v1/assets/${asset}`, {}],
  ];
  const said = [];
  for (const [path, request] of ways) {
    const answer = fetch(base + path, {credentials: "include", ...request});
    said.push(await answer.then(({type, status}) => `${type} ${status}`, ({name}) => name));
  }
  return said;
}"""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["another port", "another host"])
async def test_no_other_page_writes_with_the_cookie(browser: Browser, stack: Stack, host: str) -> None:
    base = stack.endpoints["api"]
    status, made = await stack.api("POST", "/v1/uploads", json={"filename": "a.mp4", "size_bytes": 3, "title": "Mine"})
    assert status == 201, made
    asset_id = made["data"]["asset_id"]
    sent: list[tuple[str, Request]] = []
    async with serving_pages(attacks(base, asset_id), host) as elsewhere, visiting(browser) as visit:
        await enter(visit, stack)
        visit.page.on("request", lambda request: sent.append((request.method, request)))
        for form in ("details", "delete", "multipart", "api"):
            await visit.page.goto(f"{elsewhere}{form}")
            async with visit.page.expect_navigation():
                await visit.page.locator("form").evaluate("(form) => form.submit()")
            assert await unchanged(stack, asset_id), form
        await visit.page.goto(f"{elsewhere}fetch")
        said = await visit.page.evaluate(FETCH, [base, asset_id])
        assert said == ["TypeError", "opaque 0", "opaque 0", "TypeError", "TypeError", "opaque 0", "TypeError"]
        assert await unchanged(stack, asset_id)
        cookies = ["cookie" in await one.all_headers() for method, one in sent if method == "POST"]
        assert any(cookies) is (host == "127.0.0.1"), "browsers send it to another port of the same host"
        # The same requests from a page of the studio are taken.
        await visit.page.goto(f"{base}/studio/library")
        own = await visit.page.evaluate(FETCH, ["", asset_id])
        assert own[0] == "basic 200"
    assert (await stack.api("GET", f"/v1/assets/{asset_id}"))[0] == 404, "its own page has deleted it"


async def unchanged(stack: Stack, asset_id: str) -> bool:
    """Whether the title is as it was made."""
    status, shown = await stack.api("GET", f"/v1/assets/{asset_id}")
    return status == 200 and (shown["data"]["title"], shown["data"]["status"]) == ("Mine", "waiting")
