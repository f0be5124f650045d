"""Schedulers, and strategies that pause trials, must fit the evaluator."""

from __future__ import annotations

from nas.abstract.evaluator import Evaluator
from nas.abstract.scheduler import Scheduler
from nas.abstract.strategy import Strategy
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


def check_pausing(config: Config, strategy: Strategy, evaluator: Evaluator) -> None:
    """Raise ``ConfigError`` on a strategy that pauses trials where that cannot be done."""
    if not strategy.pauses:
        return
    name = config.strategy.name
    if evaluator.budget is None or not evaluator.pausable:
        raise ConfigError(
            f"strategy {name!r} pauses trials, but evaluator {config.evaluator.name!r} cannot go "
            "on with one; take another strategy"
        )
    if config.order != "number":
        raise ConfigError(
            f"strategy {name!r} pauses trials, and which one goes on must not depend on who was "
            'faster: leave out order = "completion"'
        )
