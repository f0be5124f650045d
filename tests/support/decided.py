"""A space of any decisions, for tests that build no networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nas

AnyDecision = nas.Categorical | nas.Integer | nas.Grid


class Decided(nas.Space):
    """Decisions without networks."""

    input_shape, classes = (1,), 2
    decisions: Sequence[AnyDecision] = ()

    def __init__(self, *decisions: AnyDecision) -> None:
        self.decisions = decisions

    def build(self, architecture: nas.Architecture) -> Any:
        raise AssertionError("nothing here builds networks")
