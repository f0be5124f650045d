"""What values of an evaluator's parameters are searched, as a config says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_serializer, model_validator

from nas.architecture import Value
from nas.decisions import Categorical, Decision, Grid
from nas.documents import Document, Model
from nas.errors import ConfigError
from nas.suggest import did_you_mean, listed

PREFIX = "hyper."
"""Begins the names of these decisions; the rest is the parameter."""

MOST = 1_000
"""Values of one range."""


class Range(Model):
    """The values that one parameter may take."""

    low: float | int | None = None
    high: float | int | None = None
    log: bool = False
    """Whether values are evenly spaced on a logarithmic scale."""
    points: Annotated[int, Field(ge=2, le=MOST)] = 32
    """How many values there are from ``low`` to ``high``; of integers, at most."""
    choices: Annotated[tuple[bool | int | float | str, ...], Field(strict=False)] | None = None
    """The values, in no order."""
    when: Mapping[str, Annotated[tuple[bool | int | float | str, ...], Field(strict=False)]] = {}
    """Searched only where other parameters have one of these values."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        ends = (self.low, self.high)
        if self.choices is not None:
            if ends != (None, None) or self.log or "points" in self.model_fields_set:
                raise ValueError("either choices, or low and high")
            if len(self.choices) < 2 or len({*self.choices}) < len(self.choices):
                raise ValueError(f"choices must be two or more, all different: {[*self.choices]}")
        elif self.low is None or self.high is None:
            raise ValueError(
                "a range has low and high, such as {low = 1e-4, high = 1e-1, log = true}, "
                'or choices, such as {choices = ["adamw", "sgd"]}'
            )
        elif not self.low < self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        elif self.log and self.low <= 0:
            raise ValueError(f"low ({self.low}) must be above 0 on a logarithmic scale")
        return self

    def decision(self, name: str) -> Decision:
        """Return the decision about a parameter."""
        when = {PREFIX + parent: values for parent, values in self.when.items()}
        if self.choices is not None:
            return Categorical(PREFIX + name, self.choices, when=when)
        assert self.low is not None
        assert self.high is not None
        return Grid(PREFIX + name, self.low, self.high, self.points, self.log, when=when)

    @model_serializer(mode="plain")
    def plain(self) -> dict[str, Any]:
        """Return it as JSON values, without what is not set."""
        when = {"when": {name: [*values] for name, values in self.when.items()}}
        tail = when if self.when else {}
        if self.choices is not None:
            return {"choices": [*self.choices], **tail}
        own = {"low": self.low, "high": self.high, "log": self.log, "points": self.points}
        return {**own, **tail}


def flattened(tables: object) -> object:
    """Join the names of nested tables by dots: TOML reads ``evaluator.lr`` as nested tables."""
    return dict(_flat("", tables)) if isinstance(tables, Mapping) else tables


def _flat(prefix: str, tables: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in tables.items():
        name = f"{prefix}{key}"
        if (
            isinstance(value, Mapping)
            and value
            and not value.keys() & Range.model_fields.keys()
            and all(isinstance(inner, Mapping) for inner in value.values())
        ):
            yield from _flat(f"{name}.", value)
        else:
            yield name, value


Ranges = Annotated[Mapping[str, Range], BeforeValidator(flattened)]
"""By parameter; ``evaluator.lr`` is the parameter ``lr`` in the table ``evaluator``."""


class _Table(Document):
    hyper: Ranges


def read_ranges(values: object) -> Mapping[str, Range]:
    """Read what ``Range.plain`` wrote, by parameter. Raises ``ConfigError`` on anything else."""
    return _Table.parse({"hyper": values}, source="space").hyper


def decisions(ranges: Ranges) -> tuple[Decision, ...]:
    """Return a decision for each range, in an order that depends on their names alone.

    Raises:
        ConfigError: a condition names a parameter that is not searched, or conditions go in a
            circle.
    """
    found: dict[str, Decision] = {}
    left = sorted(ranges)
    while left:
        ready = [name for name in left if all(p in found for p in _parents(ranges, name))]
        if not ready:
            raise ConfigError(f"hyper: the conditions of {listed(left)} go in a circle")
        for name in ready:
            found[name] = ranges[name].decision(name)
        left = [name for name in left if name not in found]
    return tuple(found.values())


def _parents(ranges: Ranges, name: str) -> Iterator[str]:
    for parent in ranges[name].when:
        if parent not in ranges:
            raise ConfigError(
                f"hyper.{name}.when: {parent!r} is not searched."
                f"{did_you_mean(parent, ranges)} Searched: {listed(ranges)}"
            )
        yield parent


def assigned(parameters: Mapping[str, Any], values: Mapping[str, Value]) -> dict[str, Any]:
    """Return a component's parameters with other values.

    Args:
        parameters: as a config has them.
        values: by parameter; ``evaluator.lr`` is set in the table ``evaluator``, which may also be
            a component's name.
    """
    found = dict(parameters)
    inner: dict[str, dict[str, Value]] = {}
    for name, value in values.items():
        first, _, rest = name.partition(".")
        if rest:
            inner.setdefault(first, {})[rest] = value
        else:
            found[first] = value
    for first, of_first in inner.items():
        table = found.get(first, {})
        found[first] = assigned({"name": table} if isinstance(table, str) else table, of_first)
    return found
