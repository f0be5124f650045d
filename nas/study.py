"""One search as everyone else sees it: its name, where it is kept, and what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nas.goals import Goal


@dataclass(frozen=True)
class Study:
    """One search: config, seed, trials.

    Args:
        name: unique in its archive.
        archive: path of the archive.
        goals: the objectives in order.
        config: the config as plain JSON values.
        seed: what every other seed is derived from.
        window: proposal k is made knowing the results of trials 0 to k - window.
        evaluation: digest of everything that an evaluation depends on but the architecture.
        id: row in the archive; 0 before it is archived.
    """

    name: str
    archive: str
    goals: tuple[Goal, ...]
    config: Mapping[str, Any]
    seed: int
    window: int
    evaluation: str = ""
    id: int = 0
