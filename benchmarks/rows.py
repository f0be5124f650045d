"""A plugin file: a space whose members are the rows of a table, to search among what is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nas
from nas.decisions import Decision

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Rows(nas.Space):
    """The numbers from 0 to ``count - 1``; it builds no networks."""

    count: int
    input_shape: tuple[int, ...] = (1,)
    classes: int = 1

    @property
    def decisions(self) -> Sequence[Decision]:
        """One: which row."""
        return [nas.Categorical("row", range(self.count))]

    def build(self, architecture: nas.Architecture) -> torch.nn.Module:
        """Refuse: there is nothing to build."""
        raise nas.CandidateError("a row of a table is no network")


@nas.hookimpl
def nas_search_spaces() -> Iterable[nas.Component]:
    """The space."""
    return [nas.Component("rows", Rows, "the rows of a table")]
