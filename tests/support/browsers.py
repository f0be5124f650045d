"""A real browser, where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SITE = "http://site.invalid/"
NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def page_of(file: Path) -> Iterator[tuple[Any, list[str]]]:
    """Open a file offline; yield the page and what it has complained of, dialogs included."""
    with _browser() as browser:
        page = browser.new_context(offline=True, viewport={"width": 390, "height": 800}).new_page()
        heard = _complaints(page)
        page.goto(file.as_uri())
        yield page, heard


@contextmanager
def site_of(folder: Path, width: int) -> Iterator[tuple[Any, list[str]]]:
    """Open a folder as ``SITE``; yield the page and its complaints: what it asks of others, too."""
    with _browser() as browser:
        page = browser.new_context(viewport={"width": width, "height": 800}).new_page()
        heard = _complaints(page)

        def answer(route: Any) -> None:
            url = route.request.url.partition("#")[0]
            if url.startswith(SITE):
                route.fulfill(path=folder / url.removeprefix(SITE))
            else:
                heard.append(url)
                route.abort()

        page.context.route("**/*", answer)
        page.goto(f"{SITE}index.html")
        yield page, heard


@contextmanager
def _browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"none of {', '.join(NAMES)} is installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path)
        yield browser
        browser.close()


def _complaints(page: Any) -> list[str]:
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("dialog", lambda dialog: (heard.append(dialog.message), dialog.dismiss()))
    return heard
