"""Pictures as files: every kind, every format, and names that try to be something else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from browsers import page_of
from drawn import CONFIG, failed, metrics, record, write

from nas import Archive, Goal
from nas.errors import NASError
from nas.pictures.figure import Figure, frame, short, text
from nas.pictures.front import front_figure
from nas.pictures.rendering import write as write_picture

Run = Callable[..., tuple[int, str, str]]
KINDS: Mapping[str, list[str]] = {
    "front": ["cells"],
    "history": ["cells"],
    "curves": ["cells"],
    "parallel": ["cells"],
    "importance": ["cells", "--objectives", "error"],
    "rank": ["cells"],
    "timeline": ["cells"],
    "architecture": ["--trial", "21"],
}
HOSTILE = '</script><script>window.hacked=1;alert(1)</script><img src=x onerror="window.hacked=1">'


@pytest.mark.parametrize("kind", list(KINDS))
def test_each_kind_as_png(run: Run, path: Path, kind: str) -> None:
    code, out, err = run("plot", kind, path, *KINDS[kind])
    assert (code, err) == (0, "")
    assert out.startswith(f"{kind}.png: ")
    content = Path(f"{kind}.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = (int.from_bytes(content[i : i + 4], "big") for i in (16, 20))
    assert min(width, height) > 300


def test_each_format(run: Run, path: Path) -> None:
    for ending, start in ((".svg", b"<svg"), (".pdf", b"%PDF"), (".html", b"<!doctype html>")):
        assert run("plot", "front", path, "cells", "-o", f"a{ending}")[0] == 0
        assert Path(f"a{ending}").read_bytes().startswith(start)
    words = " ".join(ElementTree.parse("a.svg").getroot().itertext())
    assert "cells: the front of 28 trials" in words
    assert run("plot", "architecture", path, "--trial", "21", "-o", "b.svg")[0] == 0
    assert "skip_connect" in Path("b.svg").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["front", "-o", "a.gif"], "must end in one of .html, .pdf, .png, .svg"),
        (["front", "-o", "no/a.png"], "there is no folder 'no'"),
        (["front", "--objectives", "error"], "nas plot history draws a single one"),
        (["history", "--objectives", "eror:min"], "Did you mean 'error'?"),
        (["architecture", "--trial", "999"], "999"),
    ],
)
def test_what_is_refused(run: Run, path: Path, words: list[str], told: str) -> None:
    kind, *rest = words
    code, out, err = run("plot", kind, path, *rest)
    assert (code, out) == (2, "")
    assert told in err
    assert not list(Path().iterdir())


def test_texts_are_shown_as_they_are() -> None:
    assert text("<b>&amp;\x1b") == "&lt;b&gt;&amp;amp;\\x1b"
    assert short("x" * 500) == "x" * 29 + "…" + "x" * 29
    layout = frame("<i>" * 60, ["<u>"])
    assert re.findall(r"<(?!br>|span|/span)", layout["title"]["text"]) == []


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """An archive whose every name is hostile."""
    goals = (Goal(HOSTILE, unit="<b>"), Goal("params"))
    found = [{HOSTILE: metrics(n)["error"], "params": metrics(n)["params"]} for n in range(24)]
    records = [record(n, one, goals, worker=HOSTILE) for n, one in enumerate(found)]
    records = [replace(one, text=HOSTILE) for one in records]
    bad = failed(24, HOSTILE, HOSTILE)
    return write(
        tmp_path / "hostile.db",
        [*records, bad],
        name=HOSTILE,
        goals=goals,
        config={**CONFIG, "study": HOSTILE},
    )


@pytest.mark.parametrize("kind", ["front", "parallel", "timeline", "importance", "curves"])
def test_hostile_names_are_text(run: Run, hostile: Path, kind: str) -> None:
    assert run("plot", kind, hostile, "-o", "a.html")[0] == 0
    page = Path("a.html").read_text()
    assert page.lower().count("<script") == 3
    (data,) = re.findall(r'<script type="application/json" id="figure-0">(.*?)</script>', page)
    assert not set(data) & set("<>&")
    json.loads(data)


def test_a_browser_runs_nothing_of_theirs(run: Run, hostile: Path) -> None:
    for kind in ("front", "timeline"):
        assert run("plot", kind, hostile, "-o", f"{kind}.html")[0] == 0
        with page_of(Path(f"{kind}.html").absolute()) as (page, heard):
            page.wait_for_selector(".main-svg")
            assert heard == []
            assert page.evaluate("window.hacked") is None
            assert page.locator("img").count() == 0
            assert "script><script" in page.locator("h1").text_content()


def test_a_page_needs_nothing_else(path: Path, tmp_path: Path) -> None:
    with Archive(path) as archive:
        write_picture(front_figure(archive, archive.study("cells")), tmp_path / "a.html")
    with page_of(tmp_path / "a.html") as (page, heard):
        page.wait_for_selector(".main-svg")
        assert heard == []
        assert page.locator(".scatterlayer .trace").count() == 4
        assert page.locator("h1").inner_text().startswith("cells: the front of 28 trials")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.locator("[src], link[href]").count() == 0


def test_a_drawing_that_fails_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.js"
    broken.write_text("window.Plotly = {version: '2.0.0', toImage: () => Promise.reject('no')};")
    monkeypatch.setattr("nas.pictures.rendering.plotly_js", lambda: broken)
    with pytest.raises(NASError, match="Kaleido could not draw 'wrong'"):
        write_picture(Figure("wrong", [], {}), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == [broken]
