"""Searches with the plugin file ``tests/files/growers.py``: weights that are inherited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nas

GROWERS = Path(__file__).parents[1] / "files" / "growers.py"


def grow(**changes: Any) -> dict[str, Any]:
    """Population based training of eight members over 12 steps."""
    evaluator = {"name": "grower", **changes.pop("evaluator", {})}
    strategy = {"name": "pbt", "interval": 2, **changes.pop("strategy", {})}
    return {
        "study": "grow",
        "objectives": ["growers:error"],
        "space": "pots",
        "evaluator": evaluator,
        "hyper": {"rate": {"low": 1e-5, "high": 1.0, "log": True}},
        "strategy": strategy,
        "stop": {"budget": 96},
        "run": {"executor": "inline"},
        **changes,
    }


def run(values: dict[str, Any], path: Path) -> nas.Result:
    """Search in this process."""
    return nas.search(values, path, plugins=[GROWERS])
