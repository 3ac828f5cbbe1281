"""The studio in a real browser, for tests: what went wrong, and whether anything of others ran."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, Dialog

from tests.browsers import Visit, visiting

PHONE, DESK = (390, 844), (1280, 800)
HOSTILE = "<script>alert(1)</script>"
HOSTILE_IMAGE = '"><img src=x onerror=alert(1)>'
HOSTILE_SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360" onload="alert(1)">
<script>alert(1)</script><image href="http://127.0.0.1:9/x.png"/><rect width="640" height="360" fill="red"/></svg>"""
# Every violation of a page's policy, from its first moment on.
LISTEN_TO_POLICY = """
window.policyViolations = [];
document.addEventListener("securitypolicyviolation", ({violatedDirective, blockedURI, sample}) =>
  policyViolations.push({violatedDirective, blockedURI, sample}));
"""


def wrong(visit: Visit) -> list[str]:
    """What went wrong on the pages; what a page was still loading when it was left is given up."""
    return [problem for problem in visit.problems if "ERR_ABORTED" not in problem]


@dataclass(slots=True)
class Watched:
    """A visit in which whatever runs that should not is kept: dialogs, and violations of a page's policy."""

    visit: Visit
    dialogs: list[str] = field(default_factory=list)
    violations: list[Any] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)

    async def look(self) -> None:
        """Keep what the page that is shown has reported, and elements that the hostile words would have made."""
        self.violations += await self.visit.page.evaluate("policyViolations.splice(0)")
        self.attributes += await self.visit.page.evaluate(
            "[...document.querySelectorAll('[onerror], [onload], script:not([src]):not([type$=json])')]"
            ".map(({outerHTML}) => outerHTML)"
        )


@asynccontextmanager
async def watching(browser: Browser, width: int = DESK[0], height: int = DESK[1]) -> AsyncIterator[Watched]:
    """A page in which an `alert` would be heard."""
    async with visiting(browser, width, height) as visit:
        await visit.page.context.add_init_script(LISTEN_TO_POLICY)
        watched = Watched(visit)

        async def heard(dialog: Dialog) -> None:
            if dialog.type == "beforeunload":  # an upload that is under way asks before its page is left
                return await dialog.accept()
            watched.dialogs.append(dialog.message)
            return await dialog.dismiss()

        visit.page.on("dialog", heard)
        yield watched
