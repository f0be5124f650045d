"""What the tests of the pages share: archives of real searches, ``nas ui`` on them, a browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from serving import Served, serving
from toys import config, run

import nas

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Frame, Page

CELLS = {
    "study": "cells",
    "seed": 0,
    "objectives": ["error", {"name": "params", "max": 12_000}],
    "space": {
        "name": "nas201",
        "cells": 1,
        "channels": 4,
        "input_shape": [1, 8, 8],
        "classes": 10,
        "operations": ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"],
    },
    "evaluator": {"name": "tabular", "path": "digits-cells"},
    "strategy": {"name": "regularized_evolution", "population": 8, "sample": 3},
    "scheduler": {"name": "median", "trials": 12, "grace": 2},
    "stop": {"trials": 60},
    "run": {"executor": "inline"},
}
"""Looked up in a table of the package: curves, lineage, stopped and infeasible trials."""


@pytest.fixture(scope="package")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two searches: cells, and numbers of a plugin file, some of which cannot be trained."""
    path = tmp_path_factory.mktemp("ui") / "searches.db"
    nas.search(CELLS, path)
    run(
        config(
            objectives=["total", "spread"],
            strategy="climb",
            evaluator={"name": "tally", "on": 2, "mode": "raise"},
            stop={"trials": 50},
        ),
        path,
    )
    return path


@pytest.fixture(scope="package")
def served(archive: Path) -> Iterator[Served]:
    """The pages of the two searches."""
    with serving(archive) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(names)} is installed")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found)
        yield chromium
        chromium.close()


@dataclass
class Tab:
    """One page of the browser, and everything that went wrong in it."""

    page: Page
    troubles: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def plot(self) -> Frame:
        """Return the frame that plots, as soon as it has."""
        self.page.frame_locator("#plot").locator("#plot[data-drawn]").wait_for()
        return next(f for f in self.page.frames if f.url.endswith("/-/frame"))


Open = Callable[..., Tab]


@pytest.fixture
def tab(browser: Browser) -> Iterator[Open]:
    """Return what opens an address; at the end, nothing may have gone wrong in any tab.

    Nothing is a script error, a broken policy, a dialog, or a question to another server.
    """
    tabs: list[tuple[str, Tab]] = []

    def open_(url: str, **context: object) -> Tab:
        page = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, **context}
        ).new_page()
        page.set_default_timeout(60_000)
        opened = Tab(page)
        tabs.append((url, opened))
        page.on("pageerror", lambda error: opened.troubles.append(str(error)))
        page.on(
            "console",
            lambda said: (
                said.type == "error"
                and not said.location["url"].endswith("/architecture")  # where a space is not here
                and opened.troubles.append(said.text)
            ),
        )
        page.on("dialog", lambda dialog: (opened.troubles.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: opened.asked.append(request.url))
        page.goto(url)
        return opened

    yield open_
    for url, opened in tabs:
        context = opened.page.context
        opened.page.close()
        context.close()
        assert opened.troubles == []
        own = ("/".join(url.split("/")[:3]), "data:", "blob:")
        assert [asked for asked in opened.asked if not asked.startswith(own)] == []
