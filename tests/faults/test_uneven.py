"""A slow job among quick ones holds back neither results nor jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toys import TOY, config, rows, run, told

import nas

UNEVEN = Path(__file__).parent / "files" / "uneven.py"


def search(path: Path, slow: list[int], **changes: Any) -> nas.Result:
    values = config(
        evaluator={"name": "uneven", "slow": slow},
        window=125,
        stop={"trials": 125},
        run={"executor": "ray", "workers": 2},
        **changes,
    )
    return nas.search(values, path, plugins=[TOY, UNEVEN])


@pytest.mark.parametrize(
    "slow", [[57], pytest.param([57, 58, 100], marks=pytest.mark.slow_fault)], ids=str
)
def test_what_is_quick_is_archived_while_the_slow_ones_run(slow: list[int], tmp_path: Path) -> None:
    trials = search(tmp_path / "a.db", slow).trials
    quick = run(config(stop={"trials": 125}, window=125), tmp_path / "quick.db").trials
    assert [t.metrics["total"] for t in trials] == [t.metrics["total"] for t in quick]
    assert [t.architecture for t in trials] == [t.architecture for t in quick]
    ended = [n for (n,) in rows(tmp_path / "a.db", "SELECT number FROM trials ORDER BY id")]
    if len(slow) == 1:  # with both workers busy, what stands behind them can only wait
        assert ended[-1:] == slow
    assert rows(tmp_path / "a.db", "SELECT * FROM incidents") == []
    assert told(trials) == told(search(tmp_path / "b.db", []).trials)
