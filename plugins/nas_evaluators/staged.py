"""Evaluation in stages: on less data, smaller images or a smaller network first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from nas import (
    Architecture,
    CandidateError,
    Evaluation,
    Evaluator,
    Report,
    Snapshot,
    Space,
    SpaceError,
    Split,
    StudyError,
    Task,
    Use,
)
from nas_evaluators.stage_spaces import SPACE, Stage, of_evaluator, shown, spaces_of

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

_RESOURCES: Mapping[str, Any] = {"cpus": 1, "gpus": None, "resources": {}}
"""What one evaluation occupies unless it is said, of the evaluator or of the whole."""


@dataclass(frozen=True, kw_only=True)
class Staged(Evaluator):
    """Runs another evaluator several times from scratch, with other parameters each time.

    Each run is a stage, and its metrics are a point of the learning curve: step 1, 2, and so on. So
    the budget is the number of stages, any scheduler can end a trial after one of them, and only a
    trial that has passed all of them is complete. What it returns is of the last stage. All stages
    of a trial have the same seed. Cost metrics such as ``train_seconds`` are those of one stage,
    and are left out of the curve where the evaluator leaves them out of its own.

    Args:
        evaluator: name, or table with ``name`` and parameters.
        fidelity: the value of each stage, for one parameter of the evaluator or several, such as
            ``{data_share = [0.1, 0.3, 1.0]}``. ``space.NAME`` is a parameter of the space: each
            stage builds the networks of another space with the same decisions, the last one those
            of the space that is searched.
    """

    evaluator: str | Mapping[str, Any]
    fidelity: Mapping[str, Any]
    _spaces: dict[int, tuple[Space, Sequence[Space]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        parameters = Use.read("evaluator", self.evaluator).parameters
        for name, usual in _RESOURCES.items():
            if name in parameters and getattr(self, name) == usual:
                object.__setattr__(self, name, parameters[name])
        super().__post_init__()
        if not isinstance(self.fidelity, Mapping):
            raise ValueError(f"fidelity is a table of lists by parameter, not {self.fidelity!r}")
        lengths = {name: _length(name, values) for name, values in self._values.items()}
        if not lengths:
            raise ValueError("fidelity names no parameter; expected {data_share = [0.1, 1.0]}, say")
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{name} has {n}" for name, n in lengths.items())
            raise ValueError(f"fidelity: as many values for each parameter, but {found}")
        for name in lengths:
            if name in parameters:
                raise ValueError(f"{name} is given twice, in evaluator and in fidelity")

    @cached_property
    def _values(self) -> Mapping[str, Any]:
        """By parameter; TOML reads ``space.channels`` as a table in a table."""
        nested = self.fidelity.get(SPACE)
        if not isinstance(nested, Mapping):
            return self.fidelity
        of_space = {f"{SPACE}.{name}": values for name, values in nested.items()}
        return {**{k: v for k, v in self.fidelity.items() if k != SPACE}, **of_space}

    @property
    def stages(self) -> Sequence[Stage]:
        """What is different in each stage."""
        columns = zip(*self._values.values(), strict=True)
        return [dict(zip(self._values, column, strict=True)) for column in columns]

    @property
    def budget(self) -> int | None:
        """The number of stages."""
        return len(self.stages)

    @property
    def uses(self) -> Sequence[Use]:
        """The evaluator of each stage."""
        use = Use.read("evaluator", self.evaluator)
        own = ((name, getattr(self, name), usual) for name, usual in _RESOURCES.items())
        given = {name: value for name, value, usual in own if value != usual}
        return [
            Use(use.kind, use.name, {**use.parameters, **given, **of_evaluator(stage)})
            for stage in self.stages
        ]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those of the evaluator."""
        return self._last.metrics

    @property
    def needs_data(self) -> bool:  # type: ignore[override]  # known when the stages are built
        """Whether the evaluator needs data."""
        return self._last.needs_data

    @property
    def uses_gpu(self) -> bool:  # type: ignore[override]  # known when the stages are built
        """Whether the evaluator can use a GPU."""
        return self._last.uses_gpu

    @property
    def checkpoints(self) -> bool:
        """Whether the evaluator keeps snapshots; then one is kept after each stage."""
        return self._last.checkpoints

    @property
    def pausable(self) -> bool:
        """It goes on with the next stage."""
        return True

    def known(self, space: Space) -> Sequence[Architecture] | None:
        """Return what the evaluator of the last stage knows."""
        return self._last.known(space)

    def check(self, space: Space) -> None:
        """Raise ``ConfigError`` unless every stage can evaluate every architecture of the space."""
        for evaluator, own in zip(self.used, self._of_stages(space), strict=True):
            evaluator.check(own)

    def evaluate(self, task: Task, report: Report) -> Evaluation:
        """Run the stages up to the task's budget.

        Raises:
            CandidateError: the architecture is none of a stage's space.
            ConfigError: as ``check``.
        """
        spaces = self._of_stages(task.space)
        budget = len(spaces) if task.budget is None else task.budget
        snapshot = task.checkpoint.load() if task.checkpoint else None
        done = int(snapshot.values["stage"]) if snapshot else 0
        for step in range(min(done + 1, budget), budget + 1):
            curve = _Curve()
            evaluation = self._stage(step, spaces[step - 1], task, curve)
            if step > done:
                report(step, curve.last or evaluation.metrics, partial(_snapshot, step))
            if task.checkpoint and self.checkpoints and step < budget:
                task.checkpoint.save(_snapshot(step))
        return evaluation

    def examine(
        self, network: torch.nn.Module, samples: Split
    ) -> Mapping[str, NDArray[np.float64]]:
        """Return what the evaluator of the last stage says of each sample."""
        return self._last.examine(network, samples)

    def _stage(self, step: int, space: Space, task: Task, report: Report) -> Evaluation:
        evaluator: Evaluator = self.used[step - 1]
        try:
            architecture = space.architecture(dict(task.architecture))
        except SpaceError as error:
            raise CandidateError(f"{shown(self.stages[step - 1])}: {error}") from None
        own = replace(
            task,
            space=space,
            architecture=architecture,
            budget=evaluator.budget,
            checkpoint=None,
            used=evaluator.used,
        )
        return evaluator.evaluate(own, report)

    @property
    def _last(self) -> Evaluator:
        if not self.used:
            raise StudyError(
                'staged works with other evaluators: build it by nas.evaluator("staged")'
            )
        evaluator: Evaluator = self.used[-1]
        return evaluator

    def _of_stages(self, space: Space) -> Sequence[Space]:
        """Return the space of each stage, always the same objects."""
        if id(space) not in self._spaces:
            self._spaces[id(space)] = (space, spaces_of(space, self.stages))
        return self._spaces[id(space)][1]


class _Curve:
    """Listens to the evaluator of one stage."""

    def __init__(self) -> None:
        self.last: Mapping[str, float] = {}

    def __call__(self, step: int, metrics: Mapping[str, float], snapshot: Any = None) -> None:
        self.last = dict(metrics)


def _snapshot(step: int) -> Snapshot:
    return Snapshot({}, {"stage": step})


def _length(name: str, values: object) -> int:
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) < 2:
        raise ValueError(
            f"fidelity: {name} is a list with a value for each stage, at least two, not {values!r}"
        )
    return len(values)
