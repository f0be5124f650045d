"""The scheduler that a config names, if it fits the evaluator."""

from __future__ import annotations

from nas.abstract.evaluator import Evaluator
from nas.abstract.scheduler import Scheduler
from nas.config import Config, Named
from nas.engine.builder import Builder
from nas.errors import ConfigError


def scheduler_of(builder: Builder, config: Config, evaluator: Evaluator) -> Scheduler | None:
    """Build the scheduler; None without one.

    Raises:
        ConfigError: the evaluator knows no budget, or cannot go on with what is paused.
    """
    if config.scheduler is None:
        return None
    name, evaluated_by = config.scheduler.name, config.evaluator.name
    named = Named.model_validate({"name": name, **config.scheduler.parameters})
    scheduler = builder.build("scheduler", named, Scheduler)
    if evaluator.budget is None:
        raise ConfigError(
            f"scheduler {name!r} decides on learning curves, but evaluator {evaluated_by!r} knows "
            "no budget: leave out [scheduler]"
        )
    if scheduler.pauses and not evaluator.pausable:
        raise ConfigError(
            f"scheduler {name!r} pauses trials, but evaluator {evaluated_by!r} cannot go on with "
            "one; take a scheduler that only stops trials"
        )
    return scheduler
