"""An evaluator that trains nothing: the scores of zero-cost proxies are its metrics."""

from __future__ import annotations

import resource
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, get_args

from nas import Evaluation, Evaluator, Report, Task, Use, checks
from nas.zero_cost import Samples, ZeroCost

_MEMORY = "peak_memory"


@dataclass(frozen=True, kw_only=True)
class ZeroCostEvaluator(Evaluator):
    """Scores networks at initialisation; metrics have the names of the proxies.

    For searches without any training, with ``{name = "reported", metric = "gradsign", direction =
    "maximize"}`` as an objective, and for scoring in bulk. All architectures are scored on the same
    batch, whatever the trial's own seed.

    Args:
        proxies: names, or tables with ``name`` and parameters; each name once.
        repeats: initialisations that a score is the mean over.
        seed: of the batch and the initial weights.
        samples: ``drawn`` from the training samples at random, or the ``first`` of them.
        memory: also report ``peak_memory``, the most bytes that the worker's process has held so
            far; it is not the same from run to run.
    """

    uses_gpu: ClassVar[bool] = True
    needs_data: ClassVar[bool] = False  # a proxy may

    proxies: Sequence[str | Mapping[str, Any]]
    repeats: int = 1
    seed: int = 0
    samples: Samples = "drawn"
    memory: bool = False
    _scorers: dict[tuple[int, int], ZeroCost] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.whole("repeats", self.repeats, 1)
        checks.whole("seed", self.seed, 0)
        checks.flag("memory", self.memory)
        checks.one_of("samples", self.samples, get_args(Samples))
        if not self.proxies or isinstance(self.proxies, str):
            raise ValueError('proxies is a list of names, such as ["gradsign", "naswot"]')
        twice = [name for name, times in Counter(self._names).items() if times > 1]
        if twice:
            raise ValueError(f"each proxy once: {twice[0]} comes several times")

    @property
    def metrics(self) -> tuple[str, ...]:
        """The proxies, as they were named, and the worker's memory if it is asked for."""
        return (*self._names, _MEMORY) if self.memory else self._names

    @property
    def uses(self) -> Sequence[Use]:
        """The proxies."""
        return [Use.read("proxy", proxy) for proxy in self.proxies]

    def evaluate(self, task: Task, report: Report) -> Evaluation:
        """Score one architecture; a proxy without a score is among the failures."""
        scores = self._scorer(task).score(task.architecture)
        failures = {name: score for name, score in scores.items() if isinstance(score, Exception)}
        metrics = {name: s for name, s in scores.items() if not isinstance(s, Exception)}
        if self.memory:
            metrics[_MEMORY] = _peak_memory()
        return Evaluation(metrics, failures=failures)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """A name, with its parameters where several proxies have it."""
        times = Counter(use.name for use in self.uses)
        return tuple(use.name if times[use.name] == 1 else _spelled(use) for use in self.uses)

    def _scorer(self, task: Task) -> ZeroCost:
        """Return what scores; it keeps the batch from task to task."""
        key = (id(task.space), id(task.data))
        if key not in self._scorers:
            proxies = dict(zip(self._names, task.used, strict=True))
            self._scorers[key] = ZeroCost(
                task.space,
                proxies,
                task.data,
                self.seed,
                repeats=self.repeats,
                samples=self.samples,
                device=self._device(),
            )
        return self._scorers[key]

    def _device(self) -> str:
        import torch

        return "cuda" if self.gpus != 0 and torch.cuda.is_available() else "cpu"


def _spelled(use: Use) -> str:
    values = ", ".join(f"{key}={value!r}" for key, value in sorted(use.parameters.items()))
    return f"{use.name}({values})"


def _peak_memory() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(used if sys.platform == "darwin" else 1024 * used)
