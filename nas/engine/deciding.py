"""What decides on trials: who proposes them, in which order, who stops them; as a config says."""

from __future__ import annotations

from nas.abstract.objective import MeasuredObjective
from nas.archive.writer import Writer
from nas.config import Config, FilterConfig
from nas.engine.assembly import Assembly
from nas.engine.order import CompletionOrder, NumberOrder, Order
from nas.engine.proposer import Choice, Proposer
from nas.engine.proxy_scorer import ProxyMemory, ProxyScorer
from nas.engine.proxy_tree import proxies
from nas.engine.referee import Referee
from nas.engine.reuse import Reuse
from nas.engine.scoring import PredictorScorer, Scorer
from nas.engine.timeline import Timeline
from nas.engine.warm_start import WarmStart
from nas.study import Study
from nas.zero_cost import ZeroCost


def memory_of(config: Config, parts: Assembly, study: Study, writer: Writer) -> ProxyMemory | None:
    """Return what the filter's proxies compute; None if it has none."""
    if config.filter is None or not parts.proxies:
        return None
    found = proxies(parts.proxies)
    scores = ZeroCost(parts.space, found, parts.data, study.seed, repeats=config.filter.repeats)
    return ProxyMemory(scores, parts.space, writer.scores(study))


def proposer_of(
    config: Config, parts: Assembly, study: Study, memory: ProxyMemory | None, warm: WarmStart
) -> Proposer:
    """Return where candidates come from."""
    return Proposer(
        parts.space,
        parts.strategy,
        parts.goals,
        parts.analytic,
        study.seed,
        _choice(config.filter, parts, memory) if config.filter else None,
        warm.known,
    )


def referee_of(config: Config, parts: Assembly, study: Study) -> Referee | None:
    """Return who decides on running trials; None if every trial has its full budget."""
    budget = parts.evaluator.budget
    if budget is None or (parts.scheduler is None and not parts.strategy.pauses):
        return None
    timeline = None
    if config.order == "number":
        timeline = Timeline(study.window, virtual_workers(study.window, parts.strategy.pauses))
    audit = config.scheduler.audit if config.scheduler else 0.0
    referee = Referee(parts.scheduler, study.goals, budget, study.seed, audit, timeline)
    return referee if referee.decides or parts.strategy.pauses else None


def virtual_workers(window: int, pauses: bool) -> int:
    """Return how many of the places of a window are virtual workers; the rest is for what waits.

    Args:
        window: of the study.
        pauses: whether its strategy pauses trials: it compares those that have come equally far,
            so nobody waits. Else half of the places, but no fewer than two if there are two.
    """
    return window if pauses else max(min(window, 2), window // 2)


def order_of(config: Config, study: Study, writer: Writer, referee: Referee | None) -> Order:
    """Return when the strategy is told what."""
    if referee is not None and referee.timeline is not None:
        return referee.timeline
    if config.order == "number":
        return NumberOrder(study.window)
    if config.simulated:  # its time runs again from 0, and with it all that has ended
        return CompletionOrder(study.window, (), {})
    return CompletionOrder(study.window, *writer.ended(study))


def reuse_of(config: Config, parts: Assembly, study: Study, writer: Writer) -> Reuse | None:
    """Return what finds earlier evaluations; None if every trial is to be evaluated."""
    if not config.reuse:
        return None
    measured = any(isinstance(o, MeasuredObjective) for o in parts.objectives)
    return Reuse(writer, study, parts.evaluator.budget, exact=measured)


def _choice(wanted: FilterConfig, parts: Assembly, memory: ProxyMemory | None) -> Choice:
    warmup = wanted.warmup
    return Choice(
        _scorer(wanted, parts, memory),
        wanted.candidates,
        wanted.by,
        wanted.random,
        warmup.pool if warmup else 0,
        warmup.trials if warmup else 0,
    )


def _scorer(wanted: FilterConfig, parts: Assembly, memory: ProxyMemory | None) -> Scorer:
    if wanted.predictor is None:
        assert memory is not None
        return ProxyScorer(parts.proxies[0], memory)
    assert parts.predictor is not None
    metric = wanted.objective or parts.goals[0].metric
    goal = next(goal for goal in parts.goals if goal.metric == metric)
    features = memory.scores if memory else None
    return PredictorScorer(wanted.predictor.name, parts.predictor, parts.space, goal, features)
