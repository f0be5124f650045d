"""The cookbook of SQL works on an archive that a search has made; the schema page is its schema."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import nas

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/queries.md"
MAY_BE_EMPTY = {"Failures by kind, with one message of each"}
SECTION = re.compile(r"^## \d+\. (.*?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SQL = {title: BLOCK.findall(body) for title, body in SECTION.findall(PAGE.read_text())}


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small searches: evolution under a scheduler and a filter, and random search."""
    path = tmp_path_factory.mktemp("searched") / "nas.db"
    base = [
        "run.executor=inline",
        "objectives=['error', 'params', 'latency']",
        "space.channels=2",
        "evaluator.epochs=2",
        "filter.candidates=2",
    ]
    evolved = ["stop.trials=4", "strategy.population=2", "strategy.sample=2", "scheduler=median"]
    digits = ROOT / "examples/digits.toml"
    nas.search(nas.Config.load(digits, [*base, *evolved]), path)
    # the same seed draws the same first networks, so some are evaluated twice
    drawn = ["study=random", "strategy=random", "stop.trials=2"]
    nas.search(nas.Config.load(digits, [*base, *drawn]), path)
    return path


def test_there_are_enough() -> None:
    assert len(SQL) >= 15
    assert all(len(blocks) == 1 for blocks in SQL.values())


@pytest.mark.parametrize("title", SQL)
def test_it_answers(title: str, searched: Path) -> None:
    with nas.Archive(searched) as archive:
        columns, rows = archive.query(SQL[title][0])
        found = list(rows)
    assert len(set(columns)) == len(columns)
    if title not in MAY_BE_EMPTY:
        assert found
        assert any(value is not None for row in found for value in row)


def test_best_so_far_is_what_python_finds(searched: Path) -> None:
    with nas.Archive(searched) as archive:
        rows = list(archive.query(SQL["The best so far, trial by trial"][0])[1])
        errors = [t.metrics["error"] for t in archive.trials("digits-cells", status="complete")]
    assert [best for _, _, best, _ in rows] == [min(errors[: n + 1]) for n in range(len(errors))]


def test_decisions_are_those_of_the_trials(searched: Path) -> None:
    with nas.Archive(searched) as archive:
        rows = list(archive.query(SQL["Trials with a certain decision"][0])[1])
        trials = archive.trials(archive.studies(), status="complete")
    expected = {
        t.id: t.architecture["edge_0_1"]
        for t in trials
        if t.architecture["edge_0_1"] in ("skip_connect", "none")
    }
    assert {id_: edge for id_, _, _, edge in rows} == expected


def test_the_schema_page_is_up_to_date() -> None:
    module = runpy.run_path(str(ROOT / "docs/archive.py"))
    page = (ROOT / "docs/archive.md").read_text(encoding="utf-8")
    assert page == module["render"](), "run `python docs/archive.py`"


def test_every_column_of_the_schema_is_there() -> None:
    schema = runpy.run_path(str(ROOT / "docs/archive.py"))["schema"]()
    documented = set(re.findall(r"^### `(\w+)`$", schema, re.MULTILINE))
    assert {"studies", "trials", "metrics", "front", "rulings", "proxy_scores"} <= documented
    assert "| `reused` | INTEGER, or NULL | id in `trials`; the trial whose" in schema
    assert "| `status` | TEXT | one of `complete`, `failed`, `infeasible`, `stopped`" in schema
