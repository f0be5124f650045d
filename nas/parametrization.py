"""A search space as a nevergrad parameter: flat, because a Dict of Choices is 10 times slower."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nas.architecture import Architecture

if TYPE_CHECKING:
    from nas.abstract.space import Space


class Parametrization:
    """One repeated ``Choice`` for all decisions with equally many values.

    Attributes:
        parameter: the nevergrad parameter; every decision with a second value is in it, active or
            not, so one network can have several values: whoever searches avoids repeats by
            canonical id.
    """

    def __init__(self, space: Space) -> None:
        import nevergrad as ng

        self._space = space
        self._groups: dict[int, list[int]] = {}
        for position, decision in enumerate(space.tree.decisions):
            if len(decision.values) > 1:  # nevergrad divides by zero where there is no choice
                self._groups.setdefault(len(decision.values), []).append(position)
        # deterministic: a draw from the softmax at every reading is noise, under which the discrete
        # optimizers find no more than random search does over 20 decisions
        self.parameter = ng.p.Tuple(
            *(
                ng.p.Choice(range(arity), repetitions=len(positions), deterministic=True)
                for arity, positions in self._groups.items()
            )
        )

    def decode(self, value: Any) -> Architecture:
        """Return the member that a value of ``parameter`` stands for."""
        encoding = [0] * len(self._space.tree.decisions)
        for group, positions in zip(value, self._groups.values(), strict=True):
            for position, index in zip(positions, group, strict=True):
                encoding[position] = index
        return self._space.decode(encoding)

    def encode(self, architecture: Architecture) -> tuple[tuple[int, ...], ...]:
        """Return a value of ``parameter`` that decodes to the architecture."""
        encoding = self._space.encode(architecture).clip(min=0).tolist()
        return tuple(
            tuple(encoding[position] for position in positions)
            for positions in self._groups.values()
        )
