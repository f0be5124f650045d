"""Can every value that is searched be evaluated? Asked before anything is trained."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence

from nas.abstract.evaluator import Evaluator
from nas.architecture import Value
from nas.config import Named
from nas.decisions import Categorical, Decision, DecisionTree
from nas.errors import ConfigError, NASError
from nas.executors.evaluators import build_evaluator
from nas.hyper.ranges import PREFIX, Ranges, assigned, decisions
from nas.plugins import Plugins
from nas.seeds import rng
from nas.suggest import did_you_mean, listed

MOST = 1_000
"""Combinations that are tried; of more, so many drawn at random."""

_SETTLED = (
    "budget",
    "metrics",
    "cpus",
    "gpus",
    "resources",
    "needs_data",
    "uses_gpu",
    "checkpoints",
    "pausable",
    "stages",
)
"""What the search relies on for all trials."""


def check_ranges(ranges: Ranges, named: Named, plugins: Plugins) -> None:
    """Build the evaluator with the ends of each range and all choices, alone and together.

    Raises:
        ConfigError: the evaluator has no such parameter, refuses a value, or becomes one that the
            search cannot treat like the others.
    """
    if not ranges:
        return
    _check_names(ranges, named, plugins)
    plain = build_evaluator(plugins, named.name, named.parameters)
    for values in _tried(decisions(ranges)):
        shown = ", ".join(f"{name} = {value!r}" for name, value in values.items())
        try:
            parameters = assigned(named.parameters, values)
            found = build_evaluator(plugins, named.name, parameters)
        except NASError as error:
            raise ConfigError(f"hyper: with {shown}, {error}") from None
        _check_alike(plain, found, shown)


def _check_names(ranges: Ranges, named: Named, plugins: Plugins) -> None:
    known = plugins.registry("evaluator").signature(named.name).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values()):
        return
    for name in ranges:
        first = name.partition(".")[0]
        if first not in known:
            raise ConfigError(
                f"hyper.{name}: evaluator {named.name!r} has no parameter {first!r}."
                f"{did_you_mean(first, known)} It has {listed(known)}"
            )


def _check_alike(plain: Evaluator, found: Evaluator, shown: str) -> None:
    for what in _SETTLED:
        before, after = getattr(plain, what), getattr(found, what)
        if before != after:
            hint = ": how much of it a trial is given is a scheduler's to say"
            raise ConfigError(
                f"hyper: {shown} changes the {what} of the evaluator from {before!r} to {after!r}, "
                f"which is the same for all trials{hint if what == 'budget' else ''}"
            )
    if _parts(plain) != _parts(found):
        raise ConfigError(f"hyper: {shown} changes what the evaluator works with")


def _parts(evaluator: Evaluator) -> list[tuple[str, str]]:
    return [(use.kind, use.name) for use in evaluator.uses]


def _tried(own: Sequence[Decision]) -> Iterator[dict[str, Value]]:
    """Yield values of parameters: one parameter at a time, then all that are active together."""
    needed: dict[str, set[Value]] = {}
    for decision in own:
        for parent, values in decision.when.items():
            needed.setdefault(parent, set()).update(values)
    tree = DecisionTree([_reduced(d, needed.get(d.name, set())) for d in own])
    for decision in tree.decisions:
        if not decision.when:
            yield from ({decision.name.removeprefix(PREFIX): v} for v in decision.values)
    if tree.size <= MOST:
        points = tree.points()
    else:
        draws = rng(0, "hyper")
        points = (tree.complete({}, draws) for _ in range(MOST))
    values = {d.name: d.values for d in tree.decisions}
    for point in points:
        yield {name.removeprefix(PREFIX): values[name][i] for name, i in point.items()}


def _reduced(decision: Decision, needed: set[Value]) -> Decision:
    """Return a decision with the ends of a range alone, and the values that others depend on."""
    if isinstance(decision, Categorical):
        return decision
    ends = (decision.values[0], decision.values[-1])
    kept = [value for value in decision.values if value in ends or value in needed]
    return Categorical(decision.name, kept, when=decision.when)
