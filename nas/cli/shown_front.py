"""A front that is to be shown: what it is of, and what there is to tell of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nas.cli.plugins import load_plugins
from nas.cli.rows import studies_of, texts, trial_row
from nas.goals import Goal
from nas.trial import Status, Trial

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.archive.comparing import Compared, Volume
    from nas.study import Study


@dataclass(frozen=True)
class Shown:
    """A front that is to be shown.

    Args:
        archive: has the study.
        study: which one; of several, the first.
        budget: at which trials are compared; None compares the complete ones.
        plugin: files that the objectives may come from.
        others: further studies whose trials are compared with them.
        objectives: what to compare by; None for those of the studies.
        where: what is to be true of the trials that are compared.
        knee: whether to tell the front's knee.
        volume: whether to tell what it is worth.
        reference: up to which that is taken, by metric; None for one that follows from the front.
    """

    archive: Archive
    study: Study
    budget: int | None = None
    plugin: Sequence[str] | None = None
    others: Sequence[Study] = ()
    objectives: Sequence[str] | None = None
    where: str | None = None
    knee: bool = False
    volume: bool = False
    reference: Mapping[str, float] | None = None

    @property
    def studies(self) -> list[Study]:
        """All of them."""
        return [self.study, *self.others]

    @property
    def is_stored(self) -> bool:
        """Whether it is a study's own front, which nobody has to compute."""
        return self.objectives is None and self.where is None and not self.others

    @cached_property
    def compared(self) -> Compared:
        """What it is the front of, if it is not stored."""
        loaded = load_plugins(self.plugin) if self.objectives is not None else None
        return self.archive.compared(
            self.studies, objectives=self.objectives, where=self.where, plugins=loaded
        )

    @property
    def goals(self) -> Sequence[Goal]:
        """What trials are compared by."""
        return self.study.goals if self.is_stored else self.compared.goals

    @cached_property
    def front(self) -> list[Trial]:
        """The trials on it, by first objective."""
        if self.budget is not None:
            return self.archive.front(
                self.studies,
                budget=self.budget,
                plugins=load_plugins(self.plugin),
                objectives=self.objectives,
                where=self.where,
            )
        if self.is_stored:
            return self.archive.front(self.study)
        trials = self.archive.trials_by_id(self.compared.front_ids, goals=self.goals)
        return sorted(trials, key=lambda trial: trial.losses)

    @cached_property
    def counts(self) -> dict[Status, int]:
        """How many trials of the first study there are of each status."""
        return self.archive.counts(self.study)

    @cached_property
    def knees(self) -> set[int]:
        """Ids of the trials at its knee, where that is to be told."""
        if not self.knee:
            return set()
        from nas.pareto import knees

        return {self.front[i].id for i in knees([trial.losses for trial in self.front])}

    @cached_property
    def worth(self) -> Volume | None:
        """What it is worth, where that is to be told."""
        if not self.volume:
            return None
        import numpy as np

        from nas.archive.comparing import volume_of

        losses = np.array([trial.losses for trial in self.front], dtype=np.float64)
        return volume_of(self.goals, losses.reshape(-1, len(self.goals)), self.reference)

    @cached_property
    def texts(self) -> dict[int, str]:
        """Architectures in the space's own string form, by trial id."""
        return texts(self.archive, self.front)

    @cached_property
    def names(self) -> dict[int, str]:
        """Names of the trials' studies, by trial id; empty if there is one study."""
        return studies_of(self.archive, self.front) if self.others else {}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A row for each of them."""
        return [{**trial_row(t, self.texts[t.id]), **self.beside(t)} for t in self.front]

    def beside(self, trial: Trial) -> dict[str, Any]:
        """Return what there is to tell of a trial here only."""
        study = {"study": self.names[trial.id]} if self.others else {}
        return {**study, **({"knee": trial.id in self.knees} if self.knee else {})}
