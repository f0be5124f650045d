"""Trials of one study or several, for ``nas trials``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nas.cli.budgets import budget_text
from nas.cli.output import Column, Listing, print_csv, stdout
from nas.cli.rows import (
    ID,
    SECONDS,
    STUDY,
    csv_keys,
    objective_columns,
    studies_of,
    study_document,
    texts,
    trial_document,
    trial_row,
)
from nas.cli.tables import print_table
from nas.goals import Goal
from nas.text import count, plain
from nas.trial import Status, Trial

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.study import Study


@dataclass(frozen=True)
class Listed:
    """Trials that are to be listed.

    Args:
        archive: has them.
        studies: of which they are.
        trials: in their order.
        status: that they were to have, if any.
        where: what was to be true of them, if anything.
    """

    archive: Archive
    studies: Sequence[Study]
    trials: Sequence[Trial]
    status: str | None
    where: str | None

    @cached_property
    def texts(self) -> dict[int, str]:
        """Architectures in their space's own string form, by trial id."""
        return texts(self.archive, self.trials)

    @cached_property
    def study(self) -> dict[int, str]:
        """Names of their studies, by trial id; empty if there is one study."""
        return studies_of(self.archive, self.trials) if len(self.studies) > 1 else {}

    @property
    def goals(self) -> list[Goal]:
        """The objectives of all their studies, each metric once."""
        by_metric = {goal.metric: goal for study in reversed(self.studies) for goal in study.goals}
        order = dict.fromkeys(goal.metric for study in self.studies for goal in study.goals)
        return [by_metric[metric] for metric in order]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A row for each of them."""
        return [{**trial_row(t, self.texts[t.id]), **self._of(t)} for t in self.trials]

    def documents(self) -> list[dict[str, Any]]:
        """Return a JSON document for each of them."""
        return [{**trial_document(t, self.texts[t.id]), **self._of(t)} for t in self.trials]

    def _of(self, trial: Trial) -> dict[str, str]:
        return {"study": self.study[trial.id]} if self.study else {}


def trials_document(listed: Listed) -> dict[str, Any]:
    """Return the trials, and what their numbers mean, as plain JSON values."""
    if len(listed.studies) == 1:
        return {**study_document(listed.studies[0]), "trials": listed.documents()}
    about = [study_document(study) for study in listed.studies]
    return {"studies": about, "trials": listed.documents()}


def print_trials_csv(listed: Listed) -> None:
    """Write the trials as CSV, with every metric; with their study if there are several."""
    keys = csv_keys(listed.goals, listed.trials)
    print_csv([*(["study"] if len(listed.studies) > 1 else []), *keys], listed.rows)


def print_trials(listed: Listed) -> None:
    """Print the trials as a table."""
    console, rows = stdout(), listed.rows
    console.print(_heading(listed), style="bold")
    if not rows:
        return
    on_front = {trial.id for study in listed.studies for trial in listed.archive.front(study)}
    for row in rows:
        row["front"] = "●" if row["id"] in on_front else ""
    short = any(trial.status in (Status.STOPPED, Status.PAUSED) for trial in listed.trials)
    if short:
        _add_budgets(listed, rows)
    columns = [
        *([STUDY] if listed.study else []),
        ID,
        Column("front"),
        Column("status"),
        *([Column("spent", "budget", right=True)] if short else []),
        *objective_columns(listed.goals),
        SECONDS,
        Column("what", "architecture, or why it failed"),
    ]
    print_table(Listing(columns, rows), console)


def _add_budgets(listed: Listed, rows: Sequence[dict[str, Any]]) -> None:
    stages = {study.name: listed.archive.state(study).stages for study in listed.studies}
    full = {study.name: listed.archive.budget(study) for study in listed.studies}
    for row, trial in zip(rows, listed.trials, strict=True):
        name = listed.study.get(trial.id, listed.studies[0].name)
        row["spent"] = budget_text(trial, full[name], stages[name])


def _heading(listed: Listed) -> str:
    kind = f"{listed.status} trial" if listed.status else "trial"
    names = ", ".join(plain(study.name) for study in listed.studies)
    if listed.where is not None:
        return f"{names}: {count(len(listed.trials), kind)} with {plain(listed.where)}"
    total = 0
    for study in listed.studies:
        counts = listed.archive.counts(study)
        total += sum(counts.values()) if listed.status is None else counts[Status(listed.status)]
    shown = len(listed.trials)
    tail = f", the first {shown:,} shown" if shown < total else ""
    return f"{names}: {count(total, kind)}{tail}"
