"""An evaluator that looks results up: a search on a table takes no training at all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, partial
from typing import ClassVar

from nas import (
    Architecture,
    CandidateError,
    Evaluation,
    Evaluator,
    NonFiniteError,
    Report,
    Snapshot,
    Space,
    Task,
)
from nas.suggest import did_you_mean, listed
from nas_evaluators.table import Column, Table, fidelities, read_table
from nas_evaluators.tables import NAMED


@dataclass(frozen=True, kw_only=True)
class Tabular(Evaluator):
    """Looks metrics up in a CSV or Parquet file with a row an architecture.

    One column holds architectures, in the space's own string form or as JSON decisions; every other
    column of numbers is a metric. Columns such as ``accuracy@12`` hold it after a budget of 12; the
    values up to the trial's budget are its learning curve. An architecture that is not in the table
    is a failed trial. The space need not build networks.

    Args:
        path: of the file, ``.csv``, ``.csv.gz`` or ``.parquet`` (``plugnas[parquet]``), which
            every worker reads there; or the name of a table that comes with the package, such as
            ``digits-cells``.
        architecture: the column of architectures; by default the first column of text.
        at: the budget; by default the largest that a column names.
        seconds: the column of seconds that the real training took, reported as ``train_seconds``.
    """

    needs_data: ClassVar[bool] = False

    path: str
    architecture: str | None = None
    at: int | None = None
    seconds: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.path, str):
            raise ValueError(f"path must be the name of a file, not {self.path!r}")
        known = list(fidelities(self._table.columns))
        if self.at is not None and self.at not in known:
            budgets = listed(map(str, known)) if known else "none, for no column is METRIC@BUDGET"
            raise ValueError(f"at must be a budget that a column names: {budgets}; not {self.at!r}")
        names = {column.metric for column in self._table.columns}
        if self.seconds is not None and self.seconds not in names:
            hint = did_you_mean(self.seconds, names)
            raise ValueError(f"seconds: there is no column {self.seconds!r}.{hint}")

    @property
    def metrics(self) -> tuple[str, ...]:
        """The columns of numbers, without their budgets."""
        names = dict.fromkeys(column.metric for column in self._at_budget(self.budget))
        return (*names, *(("train_seconds",) if self.seconds else ()))

    @property
    def budget(self) -> int | None:
        """The largest budget that a column names, or what ``at`` says."""
        known = list(fidelities(self._table.columns))
        return (self.at or known[-1]) if known else None

    @property
    def pausable(self) -> bool:
        """What was looked up once is not reported again."""
        return True

    def known(self, space: Space) -> list[Architecture]:
        """Return the architectures of all rows. Raises ``ConfigError``, as ``evaluate`` does."""
        self._check(space)
        return self._table.architectures(space)

    def evaluate(self, task: Task, report: Report) -> Evaluation:
        """Look one architecture up.

        Raises:
            CandidateError: it is not in the table.
            NonFiniteError: one of its metrics is empty there.
            ConfigError: a row, or a table that comes with the package, is of another space.
        """
        self._check(task.space)
        row = self._table.row(task.space, task.architecture)
        if row is None:
            raise CandidateError(
                f"{task.space.format(task.architecture)} is not in the table {self.path!r}"
            )
        budget = self.budget if task.budget is None else task.budget
        done = _done(task)
        for step in fidelities(self._table.columns):
            if budget is not None and done < step <= budget:
                found = {c.metric: float(c.values[row]) for c in self._columns if c.budget == step}
                finite = {name: v for name, v in found.items() if math.isfinite(v)}
                report(step, finite, partial(Snapshot, {}, {"step": step}))
        metrics = {c.metric: float(c.values[row]) for c in self._at_budget(budget)}
        if self.seconds:
            metrics["train_seconds"] = metrics[self.seconds]
        empty = [name for name, value in metrics.items() if not math.isfinite(value)]
        failures = {name: NonFiniteError(f"{name} is empty in the table") for name in empty}
        return Evaluation(
            {k: v for k, v in metrics.items() if k not in failures}, failures=failures
        )

    def _check(self, space: Space) -> None:
        if self.path in NAMED:
            NAMED[self.path].check(self.path, space)

    @cached_property
    def _table(self) -> Table:
        return read_table(self.path, self.architecture)

    @property
    def _columns(self) -> tuple[Column, ...]:
        return self._table.columns

    def _at_budget(self, budget: int | None) -> list[Column]:
        """Return what is known at a budget: columns that name it, and those that name none."""
        return [c for c in self._columns if c.budget is None or c.budget == budget]


def _done(task: Task) -> int:
    snapshot = task.checkpoint.load() if task.checkpoint else None
    return int(snapshot.values["step"]) if snapshot else 0
