"""One worker: builds what a study needs once, then evaluates job after job."""

from __future__ import annotations

import math
import os
import platform
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nas.abstract.checkpoint import Snapshot
from nas.abstract.dataset import SearchData
from nas.abstract.evaluator import Evaluation, Task
from nas.abstract.objective import MeasuredObjective
from nas.abstract.space import Space
from nas.errors import CandidateError, NonFiniteError
from nas.executors.checkpoints import Checkpoints
from nas.executors.evaluators import Evaluators
from nas.executors.hearing import Conversation, EndedByVerdict, Line
from nas.executors.jobs import Job, Outcome, Setup
from nas.executors.limits import alarm, memory_limit
from nas.plugins import Plugins
from nas.trial import CurvePoint, Failure, Measurement

if TYPE_CHECKING:
    import torch

TRACEBACK_LIMIT = 20_000
"""Characters of a traceback that are kept: a recursion error's would fill the archive."""


@dataclass
class _Found:
    """What is known of a job so far."""

    curve: list[CurvePoint] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    measurements: dict[str, Measurement] = field(default_factory=dict)
    unknown: dict[str, Failure] = field(default_factory=dict)


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
        self._evaluators = Evaluators(plugins, setup.evaluator, self._space)
        self._measured: list[MeasuredObjective] = [
            plugins.build("objective", ref.name, **ref.parameters) for ref in setup.measured
        ]
        self._data, self._memory, self._checkpoints = data, memory, checkpoints
        self._threads = max(1, int(self._evaluators.plain.cpus))
        self._where = f"{platform.node()} pid {os.getpid()}"

    def run(
        self, job: Job, timeout: float | None = None, line: Line | None = None
    ) -> tuple[Outcome, bytes | None]:
        """Evaluate one job. Whatever the candidate raises becomes a failure of a kind.

        Args:
            job: what to evaluate.
            timeout: seconds after which it is interrupted, if Python code runs then.
            line: to the driver, for a job that asks.
        """
        started, clock = time.time(), time.perf_counter()
        found = _Found()
        weights, failure, ended = None, None, ""
        try:
            with memory_limit(self._memory), alarm(timeout):
                if line is not None:  # a decision takes into account what is measured
                    self._measure(job, found)
                evaluation = self._evaluate(job, found, line)
                found.metrics.update(_finite(evaluation.metrics))
                found.unknown.update({n: failure_of(e) for n, e in evaluation.failures.items()})
                if line is None:
                    self._measure(job, found)
                weights = _weights(evaluation.network)
        except KeyboardInterrupt:
            raise  # the user's, or else the executor's to judge
        except EndedByVerdict as error:
            ended = error.ended
            found.metrics.update(_finite(found.curve[-1].metrics))
        except BaseException as error:  # noqa: BLE001 - a candidate can raise anything
            failure, found = failure_of(error), _Found(found.curve)
        return (
            Outcome(
                job.number,
                found.metrics,
                found.measurements,
                tuple(found.curve),
                failure,
                started,
                time.perf_counter() - clock,
                self._where,
                len(weights) if weights is not None else 0,
                found.unknown,
                ended,
            ),
            weights,
        )

    def _evaluate(self, job: Job, found: _Found, line: Line | None) -> Evaluation:
        curve = found.curve
        checkpoint = self._checkpoints.of(job, curve) if self._checkpoints else None
        conversation = None
        if line is not None:
            save = checkpoint.save if checkpoint else _lost
            asks = job.asks or ()
            conversation = Conversation(job.number, asks, line, save, found.metrics)
            if checkpoint:
                checkpoint.restored = conversation.restored
        architecture = self._space.architecture(job.architecture)
        evaluator = self._evaluators.of(architecture)
        task = Task(
            self._space.networks,
            self._space.network_of(architecture),
            self._data,
            job.budget,
            job.seed,
            self._threads,
            checkpoint,
            evaluator.used,
        )

        def report(
            step: int,
            metrics: Mapping[str, float],
            snapshot: Callable[[], Snapshot] | None = None,
        ) -> None:
            if curve and step <= curve[-1].step:
                raise CandidateError(f"step {step} was reported after step {curve[-1].step}")
            curve.append(CurvePoint(step, dict(metrics)))
            if conversation is not None:
                conversation.reported(curve, snapshot)

        evaluation = evaluator.evaluate(task, report)
        known = {*evaluation.metrics, *evaluation.failures}
        missing = [name for name in evaluator.metrics if name not in known]
        if missing:
            raise CandidateError(f"the evaluator reported no {', '.join(missing)}")
        return evaluation

    def _measure(self, job: Job, found: _Found) -> None:
        if not self._measured:
            return
        network = self._space.build(self._space.architecture(job.architecture)).to(self._device())
        for objective in self._measured:
            measured = objective.measure(network, self._space.input_shape, self._threads)
            found.measurements[objective.metric] = measured
            found.metrics.update(_finite({objective.metric: measured.value}))

    def _device(self) -> str:
        """Return where networks run on this worker: what is measured is what is trained."""
        import torch

        evaluator = self._evaluators.plain
        wanted = evaluator.uses_gpu and evaluator.gpus != 0
        return "cuda" if wanted and torch.cuda.is_available() else "cpu"


def _lost(snapshot: Snapshot) -> None:
    """There is nowhere to keep it: the evaluation begins again when it goes on."""


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
