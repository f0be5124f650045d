"""``nas rank``: the share of the best that a score has among its own best."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toys import TOY, config, rows

import nas as api

Nas = Callable[..., Any]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A search of 40 trials that a proxy has filtered."""
    path = tmp_path / "nas.db"
    of_filter = {"proxy": "lean", "candidates": 2}
    api.search(config(stop={"trials": 40}, filter=of_filter), path, plugins=[TOY])
    return path


@pytest.mark.parametrize(("words", "top"), [((), 4), (("--top", 7), 7), (("--top", 1000), 40)])
def test_the_overlap_of_the_top(nas: Nas, archive: Path, words: tuple[Any, ...], top: int) -> None:
    document = json.loads(nas("rank", archive, "--plugin", TOY, "--json", *words).out)
    (lean,) = [one for one in document["objectives"]["total"] if one["name"] == "proxy:lean"]
    assert lean["top"] == top
    found = rows(
        archive,
        """SELECT scores.value, metrics.value FROM trials
        JOIN scores ON scores.trial = trials.id AND scores.architecture = trials.architecture
        JOIN metrics ON metrics.trial = trials.id AND metrics.name = 'total'""",
    )
    assert len(found) == 40
    score_of = sorted(score for score, _ in found)[-top]
    outcomes = sorted(total for _, total in found)
    below = sum(total < outcomes[top - 1] for total in outcomes)
    level = outcomes.count(outcomes[top - 1])
    shares = [
        1.0 if total < outcomes[top - 1] else (top - below) / level
        for score, total in found
        if score >= score_of and total <= outcomes[top - 1]
    ]
    assert lean["overlap"] == pytest.approx(sum(shares) / top)


def test_people_see_it_as_a_column(nas: Nas, archive: Path) -> None:
    shown = nas("rank", archive, "--plugin", TOY, "--top", 5).out
    heading, _, row = shown.split("trained networks\n")[1].splitlines()[:3]
    assert heading.split()[-3:] == ["of", "top", "5"]
    assert row.rstrip().endswith("%")


def test_none_is_no_top(nas: Nas, archive: Path) -> None:
    assert nas("rank", archive, "--plugin", TOY, "--top", 0).code == 2
