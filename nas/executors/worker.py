"""One worker: builds what a study needs once, then evaluates job after job."""

from __future__ import annotations

import math
import os
import platform
import time
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nas.abstract.dataset import SearchData
from nas.abstract.evaluator import Evaluation, Evaluator, Task
from nas.abstract.objective import MeasuredObjective
from nas.abstract.space import Space
from nas.errors import CandidateError, NonFiniteError
from nas.executors.checkpoints import Checkpoints
from nas.executors.jobs import Job, Outcome, Setup
from nas.executors.limits import alarm, memory_limit
from nas.plugins import Plugins
from nas.trial import CurvePoint, Failure, Measurement

if TYPE_CHECKING:
    import torch

TRACEBACK_LIMIT = 20_000
"""Characters of a traceback that are kept: a recursion error's would fill the archive."""


class Worker:
    """Evaluates jobs of one study.

    Args:
        setup: component names and parameters.
        data: what candidates are trained on, or None.
        memory: bytes that one job may allocate, or None.
        checkpoints: where evaluations keep snapshots, or None.
    """

    def __init__(
        self,
        setup: Setup,
        data: SearchData | None,
        memory: int | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        plugins = Plugins(setup.files)
        self._space: Space = plugins.build("space", setup.space.name, **setup.space.parameters)
        self._evaluator: Evaluator = plugins.build(
            "evaluator", setup.evaluator.name, **setup.evaluator.parameters
        )
        self._measured: list[MeasuredObjective] = [
            plugins.build("objective", ref.name, **ref.parameters) for ref in setup.measured
        ]
        self._used = tuple(
            plugins.build(use.kind, use.name, **use.parameters) for use in self._evaluator.uses
        )
        self._data, self._memory, self._checkpoints = data, memory, checkpoints
        self._threads = max(1, int(self._evaluator.cpus))
        self._where = f"{platform.node()} pid {os.getpid()}"

    def run(self, job: Job, timeout: float | None = None) -> tuple[Outcome, bytes | None]:
        """Evaluate one job. Whatever the candidate raises becomes a failure of a kind.

        Args:
            job: what to evaluate.
            timeout: seconds after which it is interrupted, if Python code runs then.
        """
        started, clock = time.time(), time.perf_counter()
        curve: list[CurvePoint] = []
        metrics: dict[str, float] = {}
        measurements: dict[str, Measurement] = {}
        unknown: dict[str, Failure] = {}
        weights, failure = None, None
        try:
            with memory_limit(self._memory), alarm(timeout):
                evaluation = self._evaluate(job, curve)
                metrics.update(_finite(evaluation.metrics))
                unknown = {name: failure_of(e) for name, e in evaluation.failures.items()}
                measurements = self._measure(job)
                metrics.update(_finite({name: m.value for name, m in measurements.items()}))
                weights = _weights(evaluation.network)
        except KeyboardInterrupt:
            raise  # the user's, or else the executor's to judge
        except BaseException as error:  # noqa: BLE001 - a candidate can raise anything
            failure, metrics, measurements, unknown = failure_of(error), {}, {}, {}
        return (
            Outcome(
                job.number,
                metrics,
                measurements,
                tuple(curve),
                failure,
                started,
                time.perf_counter() - clock,
                self._where,
                len(weights) if weights is not None else 0,
                unknown,
            ),
            weights,
        )

    def _evaluate(self, job: Job, curve: list[CurvePoint]) -> Evaluation:
        task = Task(
            self._space,
            self._space.architecture(job.architecture),
            self._data,
            job.budget,
            job.seed,
            self._threads,
            self._checkpoints.of(job, curve) if self._checkpoints else None,
            self._used,
        )

        def report(step: int, metrics: Mapping[str, float]) -> None:
            if curve and step <= curve[-1].step:
                raise CandidateError(f"step {step} was reported after step {curve[-1].step}")
            curve.append(CurvePoint(step, dict(metrics)))

        evaluation = self._evaluator.evaluate(task, report)
        known = {*evaluation.metrics, *evaluation.failures}
        missing = [name for name in self._evaluator.metrics if name not in known]
        if missing:
            raise CandidateError(f"the evaluator reported no {', '.join(missing)}")
        return evaluation

    def _measure(self, job: Job) -> dict[str, Measurement]:
        if not self._measured:
            return {}
        network = self._space.build(self._space.architecture(job.architecture)).to(self._device())
        return {
            objective.metric: objective.measure(network, self._space.input_shape, self._threads)
            for objective in self._measured
        }

    def _device(self) -> str:
        """Return where networks run on this worker: what is measured is what is trained."""
        import torch

        wanted = self._evaluator.uses_gpu and self._evaluator.gpus != 0
        return "cuda" if wanted and torch.cuda.is_available() else "cpu"


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise NonFiniteError(f"{name} is {value}")
    return {name: float(value) for name, value in metrics.items()}


def _weights(network: torch.nn.Module | None) -> bytes | None:
    if network is None:
        return None
    from safetensors.torch import save

    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    packed: bytes = save(state)
    return packed


def failed(job: Job, error: BaseException) -> Outcome:
    """Return the outcome of a job that ended with ``error``."""
    return Outcome(job.number, failure=failure_of(error))


def failure_of(error: BaseException) -> Failure:
    """Return what is archived of whatever a candidate has raised."""
    text = _text(error)
    kind = error.kind if isinstance(error, CandidateError) else "error"
    if isinstance(error, MemoryError) or _is_out_of_memory(error, text):
        kind = "memory"
    named = text if isinstance(error, CandidateError) else f"{type(error).__name__}: {text}"
    return Failure(
        kind,
        named.splitlines()[0][:500],
        "".join(traceback.format_exception(error))[-TRACEBACK_LIMIT:],
    )


def _text(error: BaseException) -> str:
    try:
        return str(error).strip() or type(error).__name__
    except Exception:  # noqa: BLE001 - an exception's own __str__ can raise anything
        return "(its message cannot be read)"


def _is_out_of_memory(error: BaseException, text: str) -> bool:
    """Tell what torch raises: of its own for a GPU, a plain RuntimeError on the CPU."""
    return type(error).__name__ == "OutOfMemoryError" or (
        isinstance(error, RuntimeError) and "can't allocate memory" in text
    )
