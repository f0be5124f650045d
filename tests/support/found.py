"""Small real searches on the digits, whose trials are trained again, tested and reproduced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nas

CELL = {"name": "nas201", "cells": 1, "channels": 2}
"""The smallest cell."""


def config(**changes: Any) -> dict[str, Any]:
    """Three networks on a tenth of the digits."""
    return {
        "study": "s",
        "objectives": ["error", "params"],
        "space": {"name": "mlp", "widths": [8, 16]},
        "data": "digits",
        "evaluator": {"name": "train", "epochs": 1, "data_share": 0.1},
        "strategy": "random",
        "stop": {"trials": 3},
        "run": {"executor": "inline"},
        **changes,
    }


def searched(path: Path, plugins: tuple[Path, ...] = (), **changes: Any) -> list[nas.Trial]:
    """Search; return the trials."""
    return nas.search(config(**changes), path, plugins=plugins).trials
