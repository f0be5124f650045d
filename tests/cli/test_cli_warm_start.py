"""``nas search`` and ``nas resume`` of a study that begins with an earlier one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nas as api

Nas = Callable[..., Any]
TOY = Path(__file__).parents[1] / "files" / "toy.py"


def test_a_search_that_begins_with_another_and_goes_on(nas: Nas, config: Path) -> None:
    options = ("--plugin", TOY, "--set", "strategy=random")
    assert nas("search", config, *options, "--archive", "old.db").code == 0
    warm = (*options, "--set", "study=new", "--set", 'warm_start.archives=["old.db"]')
    done = nas("search", config, *warm, "--archive", "new.db", "--set", "stop.trials=5")
    assert done.code == 0
    assert done.err.splitlines()[0].startswith(
        "new: toy, 125 architectures, 12 known from earlier studies; inline"
    )
    again = nas("resume", "new.db", "--plugin", TOY, "--set", "stop.trials=9")
    assert again.code == 0
    with api.Archive("old.db") as old, api.Archive("new.db") as new:
        found = {t.architecture for t in old.trials()} | {t.architecture for t in new.trials()}
    assert len(found) == 12 + 9


def test_errors_are_one_line_that_says_what_to_do(nas: Nas, config: Path) -> None:
    options = ("--plugin", TOY, "--set", "warm_start.limit=5", "--archive", "a.db")
    done = nas("search", config, *options)
    assert done.code != 0
    assert "warm_start: there is no earlier study in 'a.db'" in done.err
    Path("a.db").unlink()
    missing = nas("search", config, *options, "--set", 'warm_start.archives=["b.db"]')
    assert "warm_start: there is no archive 'b.db'" in missing.err
    assert "Traceback" not in done.err + missing.err
