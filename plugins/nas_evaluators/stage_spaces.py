"""Spaces of the same architectures whose networks are of another size."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nas import ConfigError, Space
from nas.decisions import Decision
from nas.suggest import did_you_mean, listed

SPACE = "space"
"""``space.NAME`` is a parameter of the space."""
_PREFIX = f"{SPACE}."

Stage = Mapping[str, Any]
"""What is different in one stage, by parameter."""


def of_evaluator(stage: Stage) -> dict[str, Any]:
    """Return the parameters of the evaluator among those of a stage."""
    return {k: v for k, v in stage.items() if not k.startswith(_PREFIX)}


def _of_space(stage: Stage) -> dict[str, Any]:
    return {k.removeprefix(_PREFIX): v for k, v in stage.items() if k.startswith(_PREFIX)}


def shown(stage: Stage) -> str:
    """Return a stage in words."""
    return ", ".join(f"{name} = {value!r}" for name, value in stage.items())


def spaces_of(space: Space, stages: Sequence[Stage]) -> list[Space]:
    """Return the space of each stage.

    Raises:
        ConfigError: the space has no such parameter or refuses a value, would have other
            decisions, or the last stage has other networks than the space.
    """
    found = [_changed(space, stage) for stage in stages]
    for name in _of_space(stages[-1]):
        whole, last = getattr(space, name), getattr(found[-1], name)
        if whole != last:
            raise ConfigError(
                f"fidelity: the last stage has {_PREFIX}{name} = {last!r}, but the networks of the "
                f"space have {whole!r}; the last stage must be the whole evaluation"
            )
    return found


def _changed(space: Space, stage: Stage) -> Space:
    changes = _of_space(stage)
    if not changes:
        return space
    what = type(space).__name__
    if not dataclasses.is_dataclass(space):
        raise ConfigError(
            f"fidelity: {_PREFIX}{next(iter(changes))} needs a space that is a dataclass, and "
            f"{what} is none; a parameter of the evaluator works with any space"
        )
    known = [f.name for f in dataclasses.fields(space) if f.init]
    for name in changes:
        if name not in known:
            raise ConfigError(
                f"fidelity: {what} has no parameter {name!r}.{did_you_mean(name, known)} "
                f"It has {listed(known)}"
            )
    try:
        changed = replace(space, **changes)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"fidelity: with {shown(stage)}, {error}") from None
    if [*map(_plain, changed.decisions)] != [*map(_plain, space.decisions)]:
        raise ConfigError(
            f"fidelity: with {shown(stage)} the space has other decisions; what can be changed is "
            "how large networks are built, not which there are"
        )
    return changed


def _plain(decision: Decision) -> tuple[Any, ...]:
    when = {parent: set(values) for parent, values in decision.when.items()}
    return type(decision), decision.name, decision.values, when
