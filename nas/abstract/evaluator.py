"""Evaluators: from an architecture to metrics, usually by training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, final

from nas import checks
from nas.abstract.checkpoint import Checkpoint, Snapshot
from nas.abstract.dataset import SearchData, Split
from nas.abstract.space import Space
from nas.abstract.use import Use
from nas.architecture import Architecture

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Task:
    """One evaluation to do.

    Args:
        space: where the architecture is from.
        architecture: what to evaluate.
        data: what to train and validate on; None if the evaluator needs none.
        budget: how much to spend, in the evaluator's unit; None if it knows no budgets.
        seed: of everything random in it: initial weights, order of samples, augmentation.
        threads: CPU threads it may use.
        checkpoint: where to keep a snapshot now and then, and to find one; None without.
        used: ``Evaluator.used``.
    """

    space: Space
    architecture: Architecture
    data: SearchData | None
    budget: int | None
    seed: int
    threads: int = 1
    checkpoint: Checkpoint | None = None
    used: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """What came out.

    Args:
        metrics: by name; each in ``Evaluator.metrics``.
        network: the trained network, if there is one to keep.
        failures: why there is no value of a metric; where that metric is an objective of the
            study, the trial fails.
    """

    metrics: Mapping[str, float]
    network: torch.nn.Module | None = None
    failures: Mapping[str, Exception] = field(default_factory=dict)


class Report(Protocol):
    """Takes a learning curve, point by point."""

    def __call__(
        self,
        step: int,
        metrics: Mapping[str, float],
        snapshot: Callable[[], Snapshot] | None = None,
    ) -> None:
        """Report metrics after ``step`` units of budget; steps increase.

        The call does not return if a scheduler ends or pauses the evaluation here.

        Args:
            step: units of budget that are spent.
            metrics: what the network achieves now.
            snapshot: returns the state after this step, for ``task.checkpoint.load`` to find when
                the evaluation goes on; of a ``pausable`` evaluator.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Evaluator(ABC):
    """Turns an architecture into metrics: trains it, looks it up, slices it out of a supernet.

    It runs on a worker and must depend on nothing but its own parameters and the task, so that a
    trial gives the same metrics wherever and whenever it runs. What goes wrong with a candidate
    is raised (``CandidateError`` or anything else), never returned as a number.

    Args:
        cpus: CPUs that one evaluation occupies; also its number of threads, at least 1.
        gpus: GPUs that one evaluation occupies; None is one if the cluster has any and the
            evaluator can use it, else none.
        resources: custom Ray resources that one evaluation occupies.

    Attributes:
        used: the components of ``uses``, built, in that order. Who builds an evaluator sets it.
    """

    needs_data: ClassVar[bool] = True
    uses_gpu: ClassVar[bool] = False

    cpus: float = 1
    gpus: float | None = None
    resources: Mapping[str, float] = field(default_factory=dict)
    used: tuple[Any, ...] = field(default=(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        needs = {"cpus": self.cpus, "gpus": 0 if self.gpus is None else self.gpus, **self.resources}
        for name, value in needs.items():
            checks.number(name, value)

    @property
    @abstractmethod
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that ``evaluate`` returns; a class attribute does."""

    @property
    def budget(self) -> int | None:
        """The full budget in the evaluator's unit (epochs), or None if it knows no budgets."""
        return None

    @property
    def stages(self) -> Sequence[Mapping[str, Any]]:
        """What is evaluated at each step where a step is no epoch; else nothing.

        One for each unit of budget: the parameters, by name, that are not those of a whole
        evaluation; plain JSON values. The archive keeps them with the study.
        """
        return ()

    @property
    def uses(self) -> Sequence[Use]:
        """Components that it works with: ``used`` has them, and the archive their versions."""
        return ()

    @final
    def work_with(self, used: Iterable[Any]) -> None:
        """Set ``used``; an evaluator is frozen for everyone else."""
        object.__setattr__(self, "used", tuple(used))

    def check(self, space: Space) -> None:  # noqa: B027 - most can evaluate any
        """Raise ``ConfigError`` on a space whose networks it cannot evaluate, before a search."""

    def known(self, space: Space) -> Sequence[Architecture] | None:
        """Return the architectures whose results are looked up; None if they are worked for.

        Evaluating one of them costs next to nothing, so all of them are where it is worth it:
        ``nas benchmark`` learns the best result there is.
        """
        return None

    @property
    def checkpoints(self) -> bool:
        """Whether it saves to ``task.checkpoint`` now and then; otherwise it is given none.

        A ``pausable`` one is given one where a scheduler may pause it.
        """
        return False

    @property
    def pausable(self) -> bool:
        """Whether it passes a snapshot with its reports, and goes on from ``task.checkpoint``."""
        return False

    def examine(
        self, network: torch.nn.Module, samples: Split
    ) -> Mapping[str, NDArray[np.float64]]:
        """Return those metrics that are means over samples, sample by sample; optional.

        ``nas test`` asks for them on the test split. An evaluator that has no such metrics, or
        trains nothing, leaves it as it is: nothing.

        Args:
            network: trained, as ``evaluate`` returned it; it may be moved, not changed.
            samples: as a data set has them.

        Returns:
            By metric, ``(samples,)``; the mean over the validation part is the metric that
            ``evaluate`` reports, up to rounding.
        """
        return {}

    @abstractmethod
    def evaluate(self, task: Task, report: Report) -> Evaluation:
        """Evaluate one architecture."""
