"""``nas report``: what it says is what the archive has, and nothing in it runs but ours."""

from __future__ import annotations

import html
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from browsers import page_of
from drawn import CONFIG, GOALS, RECORDS, failed, metrics, record, write

from nas import Archive, Goal
from nas.archive.record import ComponentRecord
from nas.cli.main import main
from nas.config import Config
from nas.pictures.report import NullLines, report_page
from nas.plugins import Plugins

HOSTILE = '</script><script>window.hacked=1;alert(1)</script><img src=x onerror="window.hacked=1">'
Run = Callable[..., tuple[int, str, str]]


def words_of(page: str) -> str:
    """Return the text of a page without scripts and styles, on one line."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", bare)).split())


@pytest.fixture(scope="module")
def page(path: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of the archive with everything in it, as the command writes it."""
    file = tmp_path_factory.mktemp("report") / "r.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["nas", "report", str(path), "cells", "-o", str(file)])
        assert main() == 0
    return file.read_text()


class TestWhatItSays:
    def test_the_study_and_how_it_was_searched(self, page: str) -> None:
        said = words_of(page)
        for part in (
            "Report of cells",
            "28 trials, 25 of them complete",
            "space cells:nas201 (cells = 1, channels = 8)",
            "size 15,625 architectures",
            "budget 28 trials",
            "error minimize",
            "params at most 100000 parameters",
        ):
            assert part in said

    def test_the_front_as_table_and_drawings(self, page: str, path: Path) -> None:
        with Archive(path) as archive:
            front = archive.front("cells")
            texts = [archive.details(trial.id).text for trial in front]
        assert page.count("<title>Architecture of trial") == len(front) > 1
        said = words_of(page)
        for trial, text in zip(front, texts, strict=True):
            assert f"Architecture of trial {trial.id}" in page
            assert text in said

    def test_failures_by_kind_with_a_message(self, page: str) -> None:
        said = words_of(page)
        assert "error 2 46 ValueError: no" in said
        assert "non-finite 1 45 loss is nan" in said
        assert "1 infeasible" in said

    def test_the_null_lines(self, page: str) -> None:
        said = words_of(page)
        assert "hypervolume at equal trials" in said
        assert "hypervolume at equal seconds spent" in said
        assert re.search(r"error: .*params and flops", said)
        assert 'strategy = "random" and without' not in said

    def test_the_config_is_the_one_that_ran(self, page: str) -> None:
        blocks = [html.unescape(b) for b in re.findall(r"<code>(.*?)</code>", page, re.DOTALL)]
        config = tomllib.loads(blocks[0])
        kept = {k: v for k, v in CONFIG.items() if v is not None}
        assert config == {**kept, "stop": {"trials": 28}}
        assert Config.parse(config) == Config.parse(CONFIG)
        assert blocks[1].startswith("nas search search.toml")

    def test_plotly_is_in_it_once(self, page: str) -> None:
        assert page.count("* plotly.js v") == 1
        assert page.count("data-figure=") == 4
        assert not re.findall(r"<(?:link|img|iframe|script)[^>]+(?:src|href)=", page)


def test_it_opens_offline_at_phone_width(page: str, tmp_path: Path) -> None:
    (tmp_path / "r.html").write_text(page)
    with page_of(tmp_path / "r.html") as (shown, heard):
        shown.wait_for_function("document.querySelectorAll('.main-svg').length >= 8")
        shown.wait_for_function("document.documentElement.scrollWidth === 390")
        assert heard == []
        assert shown.locator("h1").inner_text() == "Report of cells"
        assert shown.locator("section").count() == 7


def test_nothing_of_theirs_runs(run: Run, tmp_path: Path) -> None:
    goals = (Goal(HOSTILE, unit=HOSTILE), Goal("params"))
    found = [{HOSTILE: metrics(n)["error"], "params": metrics(n)["params"]} for n in range(6)]
    records = [record(n, one, goals, worker=HOSTILE) for n, one in enumerate(found)]
    space = ComponentRecord("space", HOSTILE, {HOSTILE: HOSTILE}, HOSTILE, HOSTILE)
    path = write(
        tmp_path / "a.db",
        [*records, failed(6, HOSTILE, HOSTILE)],
        name=HOSTILE,
        goals=goals,
        config={**CONFIG, "study": HOSTILE, "objectives": [HOSTILE, "params"]},
        space=space,
    )
    assert run("report", path)[0] == 0
    with page_of(tmp_path / "report.html") as (shown, heard):
        shown.wait_for_selector(".main-svg")
        assert heard == []
        assert shown.evaluate("window.hacked") is None
        assert shown.locator("img").count() == 0
        assert shown.locator("script").count() == 5
        assert "alert(1)" in shown.locator("h1").inner_text() or "…" in shown.title()
        assert HOSTILE in shown.locator("#failures").locator("xpath=..").inner_text()


def test_without_the_spaces_plugin_the_numbers_are_there(run: Run, tmp_path: Path) -> None:
    space = ComponentRecord("space", "gone:lanes", {}, "(file)", "1234")
    path = write(tmp_path / "a.db", RECORDS, space=space)
    code, _, err = run("report", path)
    assert (code, err) == (0, "")
    said = words_of(Path("report.html").read_text())
    assert "The architectures are not drawn" in said
    assert "gone:lanes (1234)" in said
    assert "--plugin FILE.py" in said
    assert "no study that searched this space" in said


def test_a_study_with_nothing_on_its_front(tmp_path: Path) -> None:
    path = write(tmp_path / "a.db", [failed(0, "error", "no")], goals=GOALS[:1])
    with Archive(path) as archive:
        page = report_page(archive, archive.study(), plugins=Plugins(), saved="3 epochs saved")
    said = words_of(page)
    assert "The front is empty" in said
    assert "3 epochs saved" in said
    assert "plotly.js v" not in page


def test_one_objective(tmp_path: Path) -> None:
    records = [record(n, {"error": metrics(n)["error"]}, GOALS[:1]) for n in range(6)]
    path = write(tmp_path / "a.db", records, goals=GOALS[:1])
    with Archive(path) as archive:
        page = report_page(archive, archive.study(), plugins=Plugins(), null_lines=NullLines())
    assert page.count("data-figure=") == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-o", "report.pdf"], "the name must end in .html"),
        (["-o", "no/a.html"], "there is no folder 'no'"),
        (["cels"], "Did you mean 'cells'?"),
    ],
)
def test_what_is_refused(run: Run, path: Path, words: list[str], told: str) -> None:
    code, out, err = run("report", path, *words)
    assert (code, out) == (2, "")
    assert told in err
    assert not list(Path().iterdir())


def test_without_trials(run: Run, tmp_path: Path) -> None:
    assert "has no trial yet" in run("report", write(tmp_path / "a.db", []))[2]


def test_of_an_imported_study_no_command_would_make_its_trials(run: Run, tmp_path: Path) -> None:
    cell = "|none~0|+|none~0|none~1|+|none~0|none~1|nor_conv_1x1~2|"
    table = tmp_path / "found.csv"
    table.write_text(f"architecture,error\n{cell},0.25\n")
    archive, file = tmp_path / "a.db", tmp_path / "r.html"
    words = ("--csv", table, "--space", "nas201", "--objective", "error:min")
    assert run("import", archive, *words)[0] == 0
    assert run("report", archive, "-o", file)[0] == 0
    said = words_of(file.read_text())
    assert "its trials were imported" in said
    assert "nas search" not in said
