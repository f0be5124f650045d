"""The evaluator ``tabular``: results that stand in a file."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from toys import TOY, config

import nas

HEADER = ["name", "total@1", "total@3", "spread", "cost"]


def rows() -> Iterable[list[object]]:
    for d in itertools.product(range(5), repeat=3):
        text = json.dumps({f"d{i}": v for i, v in enumerate(d)}, separators=(",", ":"))
        yield [text, sum(d) / 2, sum(d), max(d) - min(d), 10.0 + d[0]]


def write(path: Path, table: Iterable[Sequence[object]], header: Sequence[str] = HEADER) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([header, *table])
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return str(path)


def search(path: str, archive: Path, **changes: Any) -> nas.Result:
    evaluator = {"name": "tabular", "path": path, **changes.pop("evaluator", {})}
    objective = {"name": "reported", "metric": "total"}
    values = config(evaluator=evaluator, objectives=[objective], **changes)
    return nas.search(values, archive, plugins=[TOY])


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_a_search_finds_what_stands_in_the_file(tmp_path: Path, name: str) -> None:
    result = search(write(tmp_path / name, rows()), tmp_path / "a.db", stop={"trials": 125})
    assert len(result.trials) == 125
    for trial in result.trials:
        digits = list(trial.architecture.values())
        assert trial.metrics == {
            "total": sum(digits),
            "spread": max(digits) - min(digits),
            "cost": 10 + digits[0],
        }
        assert trial.budget == 3
    with nas.Archive(result.archive) as archive:
        curve = archive.curve(result.trials[-1].id)
    assert [(p.step, dict(p.metrics)) for p in curve] == [(1, {"total": 6.0}), (3, {"total": 12.0})]


def test_an_earlier_budget_and_the_seconds(tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", rows())
    result = search(table, tmp_path / "a.db", evaluator={"at": 1, "seconds": "cost"})
    for trial in result.trials:
        digits = list(trial.architecture.values())
        assert trial.metrics["total"] == sum(digits) / 2
        assert trial.metrics["train_seconds"] == 10 + digits[0]
        assert trial.budget == 1


def test_what_is_missing_is_a_failed_trial(tmp_path: Path) -> None:
    some = [row if i else [row[0], "", "", 0, 1] for i, row in enumerate(rows()) if i != 2]
    result = search(write(tmp_path / "t.csv", some), tmp_path / "a.db", stop={"trials": 6})
    failures = {t.number: t.failure for t in result.trials if t.failure}
    assert failures[0].kind == "non-finite"
    assert failures[0].message == "total: total is empty in the table"
    assert "is not in the table" in failures[2].message
    assert set(failures) == {0, 2}


def test_another_spelling_of_the_architectures(tmp_path: Path) -> None:
    spelt = [[json.dumps(dict(reversed(json.loads(str(r[0])).items()))), *r[1:]] for r in rows()]
    result = search(write(tmp_path / "t.csv", spelt), tmp_path / "a.db")
    assert all(t.metrics["total"] == sum(t.architecture.values()) for t in result.trials)


def test_a_cell_space_in_its_own_strings(tmp_path: Path) -> None:
    space = nas.space("nas201")
    cells = list(itertools.islice(space.architectures(), 60))
    table = write(
        tmp_path / "t.csv",
        [[i, space.format(a), i] for i, a in enumerate(cells)],
        ["i", "arch", "error"],
    )
    values = {
        "study": "cells",
        "objectives": ["error"],
        "space": "nas201",
        "evaluator": {"name": "tabular", "path": table},
        "strategy": "random",
        "stop": {"trials": 30},
        "run": {"executor": "inline"},
    }
    space_of_failures = nas.search(values, tmp_path / "a.db").trials
    known = {a: float(i) for i, a in enumerate(cells)}
    for trial in space_of_failures:
        if trial.architecture in known:
            assert trial.metrics["error"] == known[trial.architecture]
        else:
            assert trial.failure is not None


@pytest.mark.parametrize(
    ("header", "table", "options", "message"),
    [
        (HEADER, [], {}, "is empty"),
        (["a", "a"], [["x", 1]], {}, "two columns have the same name"),
        (["a", "b"], [["x"]], {}, "row 2 has 1 fields"),
        (["a", "b"], [["x", "y"]], {}, "no column of numbers"),
        (["a", "b"], [[1, 2]], {}, "no column of architectures"),
        (["a", "b"], [["x", 1], ["x", 2]], {}, "in two rows"),
        (["a", "b"], [["x", 1]], {"architecture": "aa"}, "Did you mean 'a'"),
        (["a", "b"], [["x", 1]], {"at": 3}, r"no column is METRIC@BUDGET"),
        (HEADER, [["x", 1, 2, 3, 4]], {"at": 2}, "names: 1, 3; not 2"),
        (HEADER, [["x", 1, 2, 3, 4]], {"seconds": "costs"}, "Did you mean 'cost'"),
    ],
)
def test_a_file_that_is_no_table(
    tmp_path: Path, header: list[str], table: list[list[object]], options: Any, message: str
) -> None:
    path = write(tmp_path / "t.csv", table, header)
    with pytest.raises((nas.ComponentError, nas.ConfigError), match=message):
        nas.evaluator("tabular", path=path, **options).budget  # noqa: B018


def test_rows_of_another_space_are_named(tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", [["|none~0|", 1.0]], ["arch", "total"])
    with pytest.raises(nas.StudyError, match=r"'\|none~0\|' is no architecture of Digits"):
        search(table, tmp_path / "a.db")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises((nas.ComponentError, nas.ConfigError), match=r"absent.csv.*No such file"):
        nas.evaluator("tabular", path=str(tmp_path / "absent.csv"))


def test_it_knows_all_its_rows(tmp_path: Path) -> None:
    some = list(itertools.islice(nas.space("nas201").architectures(), 7))
    space = nas.space("nas201")
    table = write(tmp_path / "t.csv", [[space.format(a), 1] for a in some], ["arch", "error"])
    assert nas.evaluator("tabular", path=table).known(space) == some
    assert nas.evaluator("train").known(space) is None
