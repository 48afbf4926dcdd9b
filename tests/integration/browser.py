"""Chromium without a window, for the tests of pages; skipped where it is not installed."""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common import exceptions
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1440,1100",
)
DEADLINE = 40.0


class Page:
    """One page in one browser."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, address: str) -> None:
        self.driver.get(address)

    def run(self, script: str, *arguments: Any) -> Any:
        """What a piece of JavaScript returns."""
        return self.driver.execute_script(script, *arguments)

    def until(self, condition: str, *arguments: Any) -> Any:
        """Waits for a JavaScript expression to be true, and returns its value."""
        return until(lambda: self.run(f"return {condition}", *arguments), f"{condition} {arguments}")

    def text(self, selector: str) -> str:
        """What can be read in an element; empty where there is none."""
        return str(self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector))

    def errors(self) -> list[str]:
        """What the browser complained about: failed scripts, blocked resources."""
        return [each["message"] for each in self.driver.get_log("browser") if each["level"] == "SEVERE"]  # type: ignore[no-untyped-call]


def until(condition: Callable[[], Any], what: str, deadline: float = DEADLINE) -> Any:
    """Waits for a condition, and returns its value."""
    ends = time.monotonic() + deadline
    while True:
        with contextlib.suppress(exceptions.StaleElementReferenceException):
            value = condition()
            if value:
                return value
        assert time.monotonic() < ends, f"not in {deadline:.0f} s: {what}"
        time.sleep(0.05)


@contextlib.contextmanager
def chromium(profile: Path) -> Iterator[Page]:
    """A browser with a fresh profile, for the length of a block."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("there is no Chromium here: run `make browser`")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options, Service(driver))
    try:
        started.set_page_load_timeout(DEADLINE)
        yield Page(started)
    finally:
        started.quit()
