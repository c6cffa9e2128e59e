"""The real `dataver ui` on a loopback port, and a browser that watches what the pages do.

Chromium and its driver come from the system (Debian: chromium, chromium-driver).

What a test does in a browser takes effect later: after a click, a key, a signal or a change of a file, say what
to wait for (`see`, `expect`, `wait`; `leaving` around what leads to another document), never look once.
"""
from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.web import warm

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
FOCUSED = "() => { const node = document.activeElement; return node === document.body ? '' : node.dataset.testid || node.getAttribute('aria-label') || node.id || node.textContent.trim(); }"
WAIT_S = 60  # only a broken page needs it
PACKAGES = "chromium and chromium-driver"


def missing() -> str:
    """What keeps the tests of pages from running here; empty when nothing does."""
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        return f"needs Chromium. On Debian and Ubuntu: apt-get install {PACKAGES.replace(' and', '')}"
    if not AXE.is_file():
        return "needs axe-core: python -m pip install -e . in the checkout fetches it"
    return ""


@dataclass
class Server:
    """A running `dataver ui`. url carries the one-time token; origin has no path."""

    process: warm.Started
    url: str

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def port(self) -> int:
        return int(urlsplit(self.url).port or 0)


class Port:
    """Each server of a process gets the same one, if it is free: what the browser compiled of our scripts serves the next."""

    chosen = 0

    @classmethod
    def options(cls) -> list[str]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", cls.chosen))
            except OSError:
                return []
            cls.chosen = probe.getsockname()[1]
        return ["--port", str(cls.chosen)]


@contextmanager
def serving(folder: Path, environ: Mapping[str, str], *options: str) -> Iterator[Server]:
    """`dataver ui` in `folder`, ended by SIGINT at the end."""
    process = warm.Started(["ui", "--no-open", *([] if "--port" in options else Port.options()), *options], folder, environ)
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    if not found:
        process.kill()
        raise AssertionError(f"dataver ui printed {line!r} and {process.stderr.read()!r}")
    try:
        yield Server(process, found.group())
    finally:
        if process.poll() is None:
            process.send_signal(2)
        try:
            process.wait(timeout=WAIT_S)
        finally:
            process.kill()
            process.stdout.close()
            process.stderr.close()


class Page:
    """A browser with a session. Remembers what was written to the console and asked of the network."""

    def __init__(self, driver: Any, server: Server) -> None:
        self.driver = driver
        self.server = server
        self._requests: dict[str, str] = {}

    # --- documents
    def open(self, path: str, shows_data: bool = True) -> Page:
        """Go to an address of the server and wait until its first data is shown. shows_data: False for Django's own pages."""
        with self.leaving(shows_data):
            self.driver.get(self.server.origin + path)
        return self

    @contextmanager
    def leaving(self, shows_data: bool = True) -> Iterator[None]:
        """Around what leads to another document: goes on when that one is loaded and shows its first data."""
        self.js("window.isLeft = true")
        yield
        self.wait(lambda: self.js("return !window.isLeft && document.readyState === 'complete'"), "another document")
        if shows_data:
            self.wait_ready()

    def follow(self, testid: str, nth: int = 0, shows_data: bool = True) -> Page:
        """Click what leads to another document."""
        with self.leaving(shows_data):
            self.click(testid, nth)
        return self

    def leave(self) -> Page:
        """Go away, so that the page asks no more; console() and requests() keep what there was."""
        self.driver.get("about:blank")
        return self

    def wait_ready(self) -> Page:
        self.wait(lambda: self.js("return document.readyState === 'complete' && document.body.dataset.ready === '1'"), "data-ready")
        return self

    # --- waiting
    def wait(self, condition: Callable[[], Any], what: str = "") -> Any:
        """Ask until the answer is true, and give it back. An error, as of an element that is being replaced, is no answer."""
        until = time.monotonic() + WAIT_S
        while True:
            problem = ""
            try:
                answer = condition()
            except Exception as exc:
                answer, problem = None, f" ({type(exc).__name__}: {exc})"
            if answer:
                return answer
            assert time.monotonic() < until, f"waited in vain for {what or inspect.getsource(condition).strip()}{problem}; console: {self.console()}"
            time.sleep(0.05)

    def expect(self, asked: Callable[[], Any], wanted: Any) -> Page:
        """Ask until the answer is the wanted one."""
        last: list[Any] = []

        def is_wanted() -> bool:
            last[:] = [asked()]
            return bool(last[0] == wanted)

        try:
            self.wait(is_wanted, "the answer")
        except AssertionError as exc:
            raise AssertionError(f"wanted {wanted!r}, got {last[0] if last else 'no answer'!r}; {exc}") from None
        return self

    def see(self, testid: str, *parts: str) -> str:
        """Wait until an element's text holds all parts; gives the text."""
        said = ""

        def holds() -> bool:
            nonlocal said
            said = str(self.find(testid).text)
            return all(part in said for part in parts)

        try:
            self.wait(holds, f"{parts} in {testid}")
        except AssertionError as exc:
            raise AssertionError(f"{exc}; it said {said!r}") from None
        return said

    def js(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    # --- elements
    def find(self, testid: str) -> Any:
        """The first of that name; waits until there is one."""
        return self.wait(lambda: self.all(testid), f"an element {testid}")[0]

    def all(self, testid: str) -> list[Any]:
        """Those there are at this moment: wait for the number you want."""
        return list(self.driver.find_elements("css selector", f'[data-testid="{testid}"]'))

    def count(self, testid: str, wanted: int) -> Page:
        """Wait until there are so many."""
        self.expect(lambda: len(self.all(testid)), wanted)
        return self

    def is_shown(self, testid: str) -> bool:
        return any(element.is_displayed() for element in self.all(testid))

    def attribute(self, testid: str, name: str) -> str | None:
        value = self.find(testid).get_attribute(name)
        return None if value is None else str(value)

    def text(self, selector: str = "body") -> str:
        return str(self.driver.find_element("css selector", selector).text)

    # --- doing
    def click(self, testid: str, nth: int = 0) -> Page:
        """Click an element as soon as it can be: what moves or is being replaced is tried again."""
        self.act(lambda: self.all(testid)[nth].click(), f"{testid} to be clickable")
        return self

    def type(self, testid: str, text: str) -> Page:
        """Type into a field as soon as it can be."""
        self.act(lambda: self.find(testid).send_keys(text), f"{testid} to be writable")
        return self

    def act(self, action: Callable[[], Any], what: str) -> None:
        """Do it once. Tried again only after errors that say that nothing was done."""
        from selenium.common import exceptions

        not_done = (exceptions.StaleElementReferenceException, exceptions.NoSuchElementException, exceptions.ElementNotInteractableException, exceptions.ElementClickInterceptedException, IndexError)

        until = time.monotonic() + WAIT_S
        while True:
            try:
                action()
                return
            except not_done as exc:
                assert time.monotonic() < until, f"waited in vain for {what} ({type(exc).__name__}: {exc}); console: {self.console()}"
            time.sleep(0.05)

    def press(self, *keys: str) -> Page:
        """Press keys one after the other; "ctrl+k" holds one."""
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys

        actions = ActionChains(self.driver, duration=0)
        for key in keys:
            held, _, last = key.rpartition("+") if len(key) > 1 else ("", "", key)
            if held:
                actions.key_down(getattr(Keys, {"ctrl": "CONTROL"}.get(held, held.upper())))
            actions.send_keys(getattr(Keys, last.upper(), last) if len(last) > 1 else last)
            if held:
                actions.key_up(getattr(Keys, {"ctrl": "CONTROL"}.get(held, held.upper())))
        actions.perform()
        return self

    def focused(self) -> str:
        """What has the focus: its test id, else its label or text; "" when nothing has it."""
        return str(self.js(f"return ({FOCUSED})()"))

    def reach(self, testid: str, most: int = 40) -> Page:
        """Press Tab until an element of that name has the focus, as somebody without a pointer does. Those that are too many do nothing."""
        self.js(
            f"const name = {FOCUSED}; window.passed = []; window.stop = (event) => {{ if (event.key !== 'Tab') return;"
            "if (passed.length && name() === wanted) { event.preventDefault(); event.stopImmediatePropagation(); } else passed.push(name()); };"
            "window.wanted = arguments[0]; addEventListener('keydown', stop, true);", testid
        )
        self.press(*["tab"] * most)
        passed = self.js("removeEventListener('keydown', stop, true); return passed")
        assert self.focused() == testid, f"Tab did not come to {testid}, but from and to {passed}"
        return self

    def size(self, width: int, height: int) -> Page:
        """Give the window a size; the page has it, and drew a picture with it, when this returns."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.wait(lambda: self.js("return innerWidth === arguments[0] && innerHeight === arguments[1]", width, height), f"a window of {width}x{height}")
        self.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[arguments.length - 1]))")
        return self

    def theme(self, name: str) -> Page:
        """light or dark, as if chosen by the user; the page is loaded again."""
        self.js("localStorage.setItem('theme', arguments[0])", name)
        with self.leaving():
            self.driver.refresh()
        return self

    def shot(self, file: str | Path) -> Page:
        self.driver.save_screenshot(str(file))
        return self

    def console(self) -> list[str]:
        """Errors and warnings since the last call."""
        return [f"{entry['level']}: {entry['message']}" for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self) -> list[str]:
        """Addresses of everything the pages asked the network for so far; what the policy blocked never left the browser."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self._requests[message["params"]["requestId"]] = message["params"]["request"]["url"]
            elif message["method"] == "Network.loadingFailed" and message["params"].get("blockedReason") == "csp":
                self._requests.pop(message["params"]["requestId"], None)
        return list(self._requests.values())

    def forget(self) -> None:
        """Start counting requests and messages anew."""
        self.requests()
        self._requests.clear()
        self.console()

    def strangers(self) -> list[str]:
        """Addresses that are not the server's own; must be empty."""
        return [url for url in self.requests() if not url.startswith((self.server.origin + "/", "data:", "blob:" + self.server.origin, "about:", "chrome:"))]

    def scrolls_sideways(self) -> bool:
        return bool(self.js("return document.documentElement.scrollWidth > document.documentElement.clientWidth || document.body.scrollWidth > document.body.clientWidth"))

    def violations(self, *serious: str) -> list[str]:
        """What axe finds against WCAG 2 A and AA; by default the serious and critical ones."""
        self.wait(lambda: self.js("return document.getAnimations().every((one) => one.playState === 'finished' || one.effect.getComputedTiming().iterations === Infinity)"), "colours to settle")
        self.js(AXE.read_text(encoding="utf-8"))
        found = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']}).then((result) => done(result.violations), (error) => done([{id: String(error), impact: 'critical', nodes: []}]));"
        )
        wanted = serious or ("serious", "critical")
        return [f"{item['id']}: {[node['html'][:160] for node in item['nodes']]}" for item in found if item["impact"] in wanted]


@contextmanager
def chromium(folder: Path) -> Iterator[Any]:
    """A headless browser with a profile of its own in `folder`."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder}", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-features=SpareRendererForSitePerProcess,BackForwardCache,Translate,MediaRouter,OptimizationHints", "--renderer-process-limit=1", "--disable-site-isolation-trials", "--window-size=1440,900"):
        options.add_argument(argument)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium refuses to start as root with it
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.set_script_timeout(WAIT_S)
    try:
        yield driver
    finally:
        driver.quit()
