"""What must not happen on any page: an error in the console, a request off the origin, a violation of the policy, a
barrier."""

import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request

__all__ = ["PageWatch", "accessibility_violations", "wait_until"]

AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"

NOTE_VIOLATIONS = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.__violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""


class PageWatch:
    """Notes what a page does wrong, from its first request on."""

    def __init__(self, page: Page, *, origin: str) -> None:
        self._page = page
        self._host = urlsplit(origin).netloc
        self.console_errors: list[str] = []
        self.foreign_requests: list[str] = []
        page.add_init_script(NOTE_VIOLATIONS)
        page.on("console", self._note_message)
        page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        page.on("request", self._note_request)

    def problems(self) -> list[str]:
        """Everything noted so far, policy violations of the page that is open included."""
        violations: list[str] = self._page.evaluate("window.__violations")
        return [*self.console_errors, *self.foreign_requests, *violations]

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _is_of_the_software_renderer(message.text):
            self.console_errors.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.netloc != self._host:
            self.foreign_requests.append(f"request to {request.url}")


def _is_of_the_software_renderer(text: str) -> bool:
    """Chromium warns of the renderer that machines without a GPU use; that says nothing about the page."""
    return "GPU stall due to ReadPixels" in text or "software WebGL" in text


def accessibility_violations(page: Page) -> list[str]:
    """What axe-core finds: rule and the elements that break it. Runs outside the page's policy, as a debugger does."""
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {', '.join(' '.join(node['target']) for node in violation['nodes'][:5])}"
        for violation in found["violations"]
    ]


def wait_until(page: Page, expression: str, *, argument: object = None, timeout_s: float = 30.0) -> None:
    """Wait until a JavaScript expression (or function of ``argument``) is true.

    Playwright's own wait evaluates strings inside the page, which the page's policy forbids.

    Raises:
        AssertionError: it did not become true; the message holds the page's measurements.
    """
    give_up_s = time.monotonic() + timeout_s
    while not page.evaluate(expression, argument):
        if time.monotonic() > give_up_s:
            state = page.evaluate("JSON.stringify(window.__vola ?? null)")
            raise AssertionError(f"not within {timeout_s:g} s: {expression}\n{state}")
        page.wait_for_timeout(100)
