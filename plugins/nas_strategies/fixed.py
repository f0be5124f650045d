"""Given architectures, over and over: what a found one is worth once chance is averaged out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nas import checks
from nas.abstract.strategy import Problem, Proposal, Strategy
from nas.architecture import Architecture
from nas.errors import ConfigError, SpaceError
from nas.seeds import Rng
from nas.trial import Trial
from nas_strategies.started import started


@dataclass(eq=False)
class Fixed(Strategy):
    """Proposes the same architectures in turn, each time with another seed.

    So ``stop.trials`` says how often: twice as many trials as architectures evaluate each twice.
    ``nas train`` is a search with this strategy.

    Args:
        architectures: the decisions of each, by name.
        stems_from: for each the trial of another study of the archive that it was found in, as
            lineage: name of the study and number of the trial. By default none.
    """

    architectures: Sequence[Mapping[str, Any]]
    stems_from: Sequence[tuple[str, int]] = ()
    _problem: Problem | None = field(default=None, init=False, repr=False)
    _begun: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.architectures:
            raise ValueError("architectures names none; expected a list of tables of decisions")
        if not all(isinstance(one, Mapping) for one in self.architectures):
            raise ValueError("architectures must be a list of tables of decisions")
        for one in self.stems_from:
            if not isinstance(one, list | tuple) or len(one) != 2 or not isinstance(one[0], str):
                raise ValueError(f"stems_from: expected [STUDY, NUMBER], not {one!r}")
            checks.whole("number of stems_from", one[1], 0)
        if self.stems_from and len(self.stems_from) != len(self.architectures):
            raise ValueError(
                f"stems_from has a trial for each architecture, or none: {len(self.stems_from)} "
                f"trials, {len(self.architectures)} architectures"
            )

    def start(self, problem: Problem) -> None:
        """Begin a study. Raises ``ConfigError`` if an architecture is not in its space."""
        self._problem, self._begun = problem, 0
        try:
            self._known: list[Architecture] = [
                problem.space.architecture(dict(one)) for one in self.architectures
            ]
        except SpaceError as error:
            raise ConfigError(f"fixed: {error}") from None

    def ask(self, rng: Rng) -> Proposal:
        """Propose the next one."""
        started(self._problem)
        round_, place = divmod(self._begun, len(self._known))
        found_in = tuple((name, number) for name, number in self.stems_from[place : place + 1])
        return Proposal(self._known[place], stems_from=found_in, repeat=round_ + 1)

    def begun(self, number: int, proposal: Proposal) -> None:
        """Count it."""
        self._begun += 1

    def tell(self, trial: Trial) -> None:
        """Learn nothing."""
