"""What an installation costs: measured by its steps, told by `kadr cost --measured`, shown to those who run it."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Browser

from core.db import costs, owners, postgres, steps
from core.db.postgres import Pool
from core.model import OwnerId, StepKind, StepState
from studio.texts import catalogue
from tests.checks import ROOT
from tests.database import OWNER, new_asset
from tests.stack import Stack, as_owner
from tests.studio import Answer, enter, send, settings_of, sign_in
from tests.studio_pages import PHONE, watching, wrong
from tests.waiting import until

PAGE = "/studio/cost"
LIGHT = frozenset({StepKind.PROBE})


async def page_of(stack: Stack, query: str = "", language: str = "en") -> Answer:
    cookie = await sign_in(stack.endpoints["api"], key=stack.endpoints["api_key"])
    headers = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html", "Accept-Language": language}
    return await send(stack.endpoints["api"], "GET", PAGE + query, cookie=cookie, headers=headers)


async def test_the_cpu_time_of_every_attempt_is_kept(pool: Pool) -> None:
    async with pool.acquire() as connection:
        step_id = await steps.insert(connection, await new_asset(pool), StepKind.PROBE, {})
    first = await steps.claim(pool, LIGHT, "test", 30)
    assert first is not None
    await steps.release(pool, first, attempt=True)
    await steps.settle_turn(pool, first, cost_s=9.0, cpu_s=1.5)
    second = await steps.claim(pool, LIGHT, "test", 30)
    assert second is not None
    async with pool.acquire() as connection, connection.transaction():
        await steps.finish(connection, second, StepState.DONE, output={})
    await steps.settle_turn(pool, second, cost_s=9.0, cpu_s=2.0)
    assert await pool.fetchval("SELECT cpu_s FROM steps WHERE id = $1", step_id) == 3.5


async def test_the_first_owner_runs_the_installation(pool: Pool) -> None:
    await pool.execute("DELETE FROM owners WHERE id = $1", OWNER)
    for name in ("ow_first", "ow_second"):
        await owners.ensure(pool, OwnerId(name), name, f"{name}.{'0123456789' * 4}")
    assert [(await owners.by_id(pool, OwnerId(name))).is_admin for name in ("ow_first", "ow_second")] == [True, False]


async def test_an_empty_installation_has_measured_nothing(pool: Pool) -> None:
    assert await costs.measured(pool) == costs.Measured(titles=0, new_titles=0, work=())


async def test_the_command_with_what_was_measured(stack: Stack, title: Callable[[str], Awaitable[Any]]) -> None:
    """Of a title that went through the whole pipeline: its CPU time, its ladder, its pictures, its source."""
    asset = await title("public")
    database = await postgres.connect(settings_of(stack))
    try:

        async def measured() -> bool:
            return not await database.fetchval(
                "SELECT count(*) FROM steps WHERE asset_id = $1 AND (state IN ('queued', 'leased') OR cpu_s IS NULL)",
                asset["id"],
            )

        await until(measured)
        encoded = await database.fetchval(
            "SELECT sum(cpu_s) FROM steps WHERE asset_id = $1 AND kind IN ('encode', 'first_rung')", asset["id"]
        )
    finally:
        await database.close()
    assert encoded > 0.05, "an encoder has run"
    told = await cost_of(stack)
    inputs = {name.partition(".")[2]: one for name, one in told["inputs"].items() if name.startswith("titles.")}
    for name in ("items", "title_s", "ladder_mb", "pictures_mb", "source_mb", "renditions", "encode_cpu_s"):
        assert inputs[name]["origin"] == "measured", name
        assert inputs[name]["value"] > 0, name
    assert inputs["viewers"]["origin"] == "default", "nothing counts viewers"
    assert {"profile", "effort", "codec", "source", "encode_cpu_s"} <= set(told["measured"][0])
    assert sum(one["titles"] for one in told["measured"]) >= 1


async def cost_of(stack: Stack) -> Any:
    command = (sys.executable, "-m", "kadr", "cost", "--measured", "--json")
    env = {name: value for name, value in os.environ.items() if not name.startswith("KADR_")}
    ended = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**env, "KADR_DATABASE_URL": stack.endpoints["database_url"]},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(ended.communicate(), 60)
    assert ended.returncode == 0, err
    return json.loads(out)


async def test_the_page_answers_and_computes_again(stack: Stack) -> None:
    shown = await page_of(stack, "?scenario=1m-mau")
    assert shown.status == 200
    assert "$1,344 a month: below $5,000" in shown.body or "a month: below $5,000" in shown.body
    assert "Cloudflare Stream" in shown.body
    dearer = await page_of(stack, "?scenario=1m-mau&clips.viewers=30000000&clips.buffer_s=12", "ru")
    assert "больше 5\xa0000\xa0$" in dearer.body or "больше 5\xa0000 $" in dearer.body
    assert dearer.body.count(f"<td>{catalogue('ru')['cost.origin.given']}</td>") == 2
    refused = await page_of(stack, "?scenario=1m-mau&clips.share=2&clips.items=many&retry=")
    assert refused.status == 422
    assert refused.body.count('aria-invalid="true"') == 3
    assert 'value="many"' in refused.body, "what was written stays"
    assert catalogue("en")["cost.wrong"] in refused.body


async def test_it_is_for_those_who_run_the_installation_alone(stack: Stack) -> None:
    other = await as_owner(stack, "costpage")
    assert (await page_of(other)).status == 404
    for owner, is_told in ((stack, True), (other, False)):
        cookie = await sign_in(owner.endpoints["api"], key=owner.endpoints["api_key"])
        account = await send(owner.endpoints["api"], "GET", "/studio/account", cookie=cookie)
        assert (PAGE in account.body) is is_told


@pytest.mark.browser
async def test_on_a_phone(browser: Browser, stack: Stack) -> None:
    """Without a script: a value is written, and the answer is another."""
    async with watching(browser, *PHONE) as watched:
        page = watched.visit.page
        await enter(watched.visit, stack)
        await page.goto(f"{stack.endpoints['api']}{PAGE}")
        before = await page.locator(".answer").inner_text()
        await page.get_by_label("titles: monthly viewers").fill("90000000")
        await page.get_by_role("button", name="Compute").click()
        await page.wait_for_url("**titles.viewers=90000000**")
        assert await page.locator(".answer").inner_text() != before
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE[0], "nothing to scroll sideways"
        await watched.look()
        assert (watched.dialogs, watched.violations, watched.attributes) == ([], [], [])
        assert wrong(watched.visit) == []
