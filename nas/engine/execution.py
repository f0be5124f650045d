"""Where jobs run, as the config's table ``run`` says."""

from __future__ import annotations

from nas.abstract.dataset import SearchData
from nas.abstract.evaluator import Evaluator
from nas.config import RunConfig
from nas.executors.checkpoints import Checkpoints
from nas.executors.inline import InlineExecutor
from nas.executors.jobs import Setup
from nas.executors.limits import Limits, check_limits
from nas.executors.protocol import Executor
from nas.executors.simulated import SimulatedExecutor
from nas.executors.worker import Worker


def executor_of(
    run: RunConfig,
    setup: Setup,
    data: SearchData | None,
    evaluator: Evaluator,
    *,
    workers: int | None = None,
    limits: Limits | None = None,
    checkpoints: Checkpoints | None = None,
) -> Executor:
    """Return an executor that is ready for jobs.

    Args:
        run: which one.
        setup: what all jobs share.
        data: what they share beside it.
        evaluator: declares what one job occupies.
        workers: at most so many; None is as many as there is room for. Virtual ones: so many.
        limits: what one job may use.
        checkpoints: where evaluations keep snapshots, or None.
    """
    if run.executor == "inline":
        return InlineExecutor(setup, data, limits, checkpoints)
    if run.executor == "simulated":
        assert workers is not None
        limits = limits or Limits()
        check_limits(limits, inline=False)
        worker = Worker(setup, data, limits.memory)
        return SimulatedExecutor(worker, workers, run.simulation, limits.timeout)
    from nas.executors import ray_settings

    ray_settings.apply()
    from nas.executors.ray import RayExecutor

    return RayExecutor(
        setup, data, evaluator, workers, run.address, limits, checkpoints, run.ship or ()
    )
