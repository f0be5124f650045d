"""The documentation as a site: built without network, without a warning, and readable."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from browsers import SITE, site_of

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
WITHOUT_NETWORK = """
import socket

def refuse(*args, **kwargs):
    raise OSError("this test has no network")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from mkdocs.__main__ import cli
cli()
"""
MARKS = re.compile(r".*(?:^[-*] |^\d\. |```|\]\(|(?:^|\s)\*\*\S).*", re.MULTILINE)
SKIPPED = ("script", "style", "code", "pre", "h1", "h2", "h3", "h4", "h5", "h6")


@dataclass
class Html(HTMLParser):
    """One page: its headings, what it loads, where it leads, and its text outside of code."""

    titles: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    text: str = ""
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids |= {found["id"]} if "id" in found else set()
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag == "link" and found.get("rel") not in ("canonical", "next", "prev"):
            self.loads.append(found["href"])
        elif "src" in found:
            self.loads.append(found["src"])
        if tag in SKIPPED:
            self._open.append(tag)
            self.titles += [""] if tag == "h1" else []

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if "h1" in self._open:
            self.titles[-1] += data
        elif not self._open:
            self.text += data


def build(config: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Build a site as CI does. Without --quiet: what is not printed is not counted either."""
    command = [sys.executable, "-c", WITHOUT_NETWORK, "build", "--strict"]
    return subprocess.run(
        [*command, "--config-file", str(config), "--site-dir", str(folder)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site, built from this checkout."""
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT / "mkdocs.yml", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@cache
def read(path: Path) -> Html:
    page = Html()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def pages(site: Path) -> list[Path]:
    return sorted(path for path in site.rglob("*.html") if path.name != "404.html")


def test_what_is_wrong_is_an_error(tmp_path: Path) -> None:
    docs, built = tmp_path / "docs", tmp_path / "built"
    docs.mkdir()
    built.mkdir()
    config, _, _ = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")
    (tmp_path / "mkdocs.yml").write_text(f"{config}\nnav:\n  - index.md\n")
    for name in ("site_pages.py", "site.css"):
        shutil.copy(DOCS / name, docs)
    (docs / "index.md").write_text("# A\n\n[b](b.md) [c](#c) [d](../d.py) [e](../mkdocs.yml)\n")
    (docs / "forgotten.md").write_text("# F\n")
    done = build(tmp_path / "mkdocs.yml", built)
    assert done.returncode != 0
    warnings = "\n".join(re.findall(r"^WARNING .*(?:\n  .*)*", done.stderr, re.MULTILINE))
    for wrong in ("'b.md'", "'#c'", "'../d.py'", "forgotten.md"):
        assert wrong in warnings, done.stderr
    assert "mkdocs.yml" not in warnings


def test_every_page_of_the_folder_is_on_it(site: Path) -> None:
    written = {path.relative_to(DOCS).with_suffix("") for path in DOCS.rglob("*.md")}
    built = {path.relative_to(site).with_suffix("") for path in pages(site)}
    assert len(written) > 40
    assert written - built == set()


def test_no_generator_is_on_it(site: Path) -> None:
    assert list(site.rglob("*.py")) == []


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in [*pages(site), site / "404.html"]:
        remote = [url for url in read(page).loads if "//" in url]
        assert remote == [], page
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)]*", text) == [], style


def test_links_lead_somewhere(site: Path) -> None:
    for page in pages(site):
        for link in read(page).links:
            path, _, anchor = unquote(link).partition("#")
            if re.match(r"[a-z]+:", path):
                continue
            file = (page.parent / path).resolve() if path else page
            assert file.is_file(), f"{page}: {link}"
            if anchor and file.suffix == ".html":
                assert anchor in read(file).ids | {"__tabbed"}, f"{page}: {link}"


def test_each_page_has_one_title(site: Path) -> None:
    for page in pages(site):
        (title,) = read(page).titles
        assert title.strip("¶ \n"), page


def test_markdown_was_understood(site: Path) -> None:
    """Lists that need an empty line, fences, links and bold text do not show their marks."""
    for page in pages(site):
        marks = re.findall(MARKS, read(page).text)
        assert marks == [], page


def test_navigation_has_the_groups(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    tabs = text[text.index("md-tabs__list") : text.index("</ul>", text.index("md-tabs__list"))]
    names = [" ".join(name.split()) for name in re.findall(r"<a [^>]*>([^<]*)</a>", tabs)]
    assert names == [
        "Start",
        "Guides",
        "Find and use architectures",
        "Components",
        "Write plugins",
        "Reference",
        "How it is built",
    ]


def test_the_reference_has_docstrings(site: Path) -> None:
    page = read(site / "api" / "proxy.html")
    assert {"nas.Proxy", "nas.Proxy.compute", "nas.score_together"} <= page.ids
    assert "Scores an untrained network" in page.text
    assert not any(name.rpartition(".")[2].startswith("_") for name in page.ids if "nas." in name)


def test_a_file_that_a_page_links_to_is_shown(site: Path) -> None:
    page = (site / "files/examples/nas-hello/pyproject.toml.html").read_text(encoding="utf-8")
    assert "project.entry-points.nas" in page


def test_search_knows_every_page(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    found = {entry["location"].partition("#")[0] for entry in index["docs"]}
    assert {"plugins.html", "hooks/nas_proxies.html", "api/proxy.html", "cli.html"} <= found
    assert not any(name.endswith((".toml.html", ".py.html")) for name in found)


def test_search_works_in_a_browser_without_network(site: Path) -> None:
    with site_of(site, width=1300) as (page, heard):
        page.locator(".md-search__input").click()
        page.keyboard.type("gradsign")
        results = page.locator(".md-search-result__item h1")
        results.first.wait_for()
        assert "Zero-cost proxies" in results.all_inner_texts()
        assert heard == []


def test_pages_fit_on_a_phone(site: Path) -> None:
    """Wide tables and code move within themselves; the page does not."""
    with site_of(site, width=390) as (page, heard):
        for path in ("components.html", "hooks/nas_evaluators.html", "api/space.html", "cli.html"):
            page.goto(SITE + path)
            assert page.evaluate("document.documentElement.scrollWidth") == 390, path
        assert heard == []
