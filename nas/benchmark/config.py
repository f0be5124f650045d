"""A benchmark in words: what its TOML file may say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from nas.config import Config, FilterConfig, Named, ObjectiveConfig
from nas.documents import Document, Model, override, read
from nas.errors import PluginError
from nas.goals import Direction
from nas.plugins import Plugins

RANDOM = "random"
"""The strategy that every other one must beat."""
STRATEGIES = (RANDOM, "regularized_evolution", "local_search")
"""What runs on a table that is all that the user has named."""
_CHECKPOINTS = (0.25, 0.5, 1.0)

Name = Annotated[str, Field(min_length=1, max_length=60)]
Trials = Annotated[int, Field(ge=1)]


class JudgeConfig(Model):
    """A metric that results are judged by, and nothing is chosen by."""

    metric: Annotated[str, Field(min_length=1)]
    direction: Direction = "minimize"


class TableConfig(Model):
    """What is searched, and how results are judged."""

    name: Name
    space: Named
    data: Named | None = None
    evaluator: Named
    objectives: Annotated[tuple[ObjectiveConfig, ...], Field(min_length=1, strict=False)]
    judge: JudgeConfig | None = None
    """Of the trial that is best by the objective; without it, the objective judges."""
    target: float | int | None = None
    """A value of the judge; with several objectives, a share of the hypervolume."""
    reference: Annotated[tuple[float | int, ...], Field(strict=False)] | None = None
    """Up to where the hypervolume is taken: the worst value of each objective that counts."""

    @model_validator(mode="after")
    def _fit_the_objectives(self) -> Self:
        several = len(self.objectives) > 1
        if several and self.judge is not None:
            raise ValueError("a judge is for one objective; with several, the hypervolume judges")
        if several and self.target is not None and not 0 < self.target <= 1:
            raise ValueError(f"target is a share of the hypervolume, in (0, 1], not {self.target}")
        if self.reference is not None and not several:
            raise ValueError("reference is for several objectives; with one, the best is known")
        if self.reference is not None and len(self.reference) != len(self.objectives):
            raise ValueError(
                f"reference has {len(self.reference)} values, one for each of "
                f"{len(self.objectives)} objectives is needed"
            )
        return self


class StrategyConfig(Named):
    """A strategy with its parameters, and what else sets it apart."""

    label: Name | None = None
    """What it is called in results; by default its name."""
    filter: FilterConfig | None = None

    @property
    def called(self) -> str:
        """The label, or else the name."""
        return self.label or self.name

    @property
    def is_random(self) -> bool:
        """Whether it is random search and nothing else."""
        plain = not self.parameters and self.filter is None
        return plain and self.name.rpartition(":")[2] == RANDOM


class BenchmarkRunConfig(Model):
    """How a benchmark is run. Nothing here changes the trials."""

    executor: Literal["ray", "inline"] = "ray"
    workers: Annotated[int, Field(ge=1)] | None = None
    """At most so many studies at once; by default, one for each CPU of this machine."""
    address: str | None = None
    """Of a Ray cluster that this machine is part of; by default a local Ray is started."""
    durable: bool = False
    """Whether a trial that has ended survives a power cut; see ``RunConfig``."""


class BenchmarkConfig(Document):
    """Strategies times seeds on tables.

    Args:
        name: of the benchmark; its studies are called ``NAME/TABLE/LABEL/SEED``.
        seeds: so many studies of each strategy on each table, seeded 0, 1, 2, ...
        trials: evaluated trials of each.
        window: of each; 1 is a trial after the other.
        checkpoints: numbers of trials after which results are told.
        tables: what is searched.
        strategies: what searches; random search is added unless it is there.
        run: how, not what.
    """

    name: Name
    seeds: Annotated[int, Field(ge=1)] = 20
    trials: Trials = 200
    window: Annotated[int, Field(ge=1)] = 1
    checkpoints: Annotated[tuple[Trials, ...], Field(min_length=1, strict=False)] | None = None
    tables: Annotated[tuple[TableConfig, ...], Field(min_length=1, strict=False)]
    strategies: Annotated[tuple[StrategyConfig, ...], Field(min_length=1, strict=False)]
    run: BenchmarkRunConfig = BenchmarkRunConfig()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        for what, names in (
            ("tables", [_part(table.name) for table in self.tables]),
            ("strategies", [_part(one.called) for one in self.strategies]),
        ):
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"two {what} are called {twice!r}: give each its own label")
        posing = [s for s in self.strategies if s.called == RANDOM and not s.is_random]
        if posing:
            raise ValueError(f"{RANDOM!r} is the line to beat: give this one another label")
        late = [n for n in self.checkpoints or () if n > self.trials]
        if late:
            raise ValueError(f"checkpoint {late[0]} is beyond the {self.trials} trials")
        return self

    @property
    def everyone(self) -> tuple[StrategyConfig, ...]:
        """The strategies, random search first among those that were not named."""
        if any(strategy.is_random for strategy in self.strategies):
            return self.strategies
        return (StrategyConfig(name=RANDOM), *self.strategies)

    @property
    def line_to_beat(self) -> str:
        """What random search is called here."""
        return next(strategy.called for strategy in self.everyone if strategy.is_random)

    @property
    def told_after(self) -> tuple[int, ...]:
        """The checkpoints in order; by default after a quarter, half, and all of the trials."""
        chosen = self.checkpoints or [max(1, round(self.trials * share)) for share in _CHECKPOINTS]
        return tuple(sorted({*chosen, self.trials}))

    def study(self, table: TableConfig, strategy: StrategyConfig, seed: int) -> Config:
        """Return the config of one study. Raises ``ConfigError``."""
        values: dict[str, Any] = {
            "study": "/".join([*map(_part, (self.name, table.name, strategy.called)), str(seed)]),
            "seed": seed,
            "window": self.window,
            "strategy": {"name": strategy.name, **strategy.parameters},
            "stop": {"trials": self.trials},
            "run": {"executor": "inline", "durable": self.run.durable},
            **table.model_dump(include={"space", "evaluator", "objectives"}),
        }
        if table.data is not None:
            values["data"] = table.data.model_dump()
        if strategy.filter is not None:
            values["filter"] = strategy.filter.model_dump(exclude_none=True)
        return Config.parse(values)


def load_benchmark(
    source: str | Path | Mapping[str, Any], plugins: Plugins, overrides: Iterable[str] = ()
) -> BenchmarkConfig:
    """Read a benchmark's config.

    Args:
        source: a mapping, the path of a TOML file, or the name of a table that a plugin offers:
            then some strategies run on it.
        plugins: where named tables are looked up.
        overrides: such as ``seeds=30``.

    Raises:
        ConfigError: it cannot be read, or something in it does not fit.
        ComponentError: no plugin has a table of that name.
    """
    where, values = _read(source, plugins)
    for one in overrides:
        override(values, one)
    tables = values.get("tables")
    if isinstance(tables, list):
        found = [_known(one, plugins) if isinstance(one, str) else one for one in tables]
        values["tables"] = found
    return BenchmarkConfig.parse(values, where)


def _read(source: str | Path | Mapping[str, Any], plugins: Plugins) -> tuple[str, dict[str, Any]]:
    if isinstance(source, Mapping):
        return "config", dict(source)
    known = plugins.registry("table").names()
    if Path(source).exists() or str(source).endswith(".toml") or not known:
        return str(source), read(source)
    name = plugins.registry("table").find(str(source)).component.name
    return name, {"name": name, "tables": [str(source)], "strategies": list(STRATEGIES)}


def _known(name: str, plugins: Plugins) -> dict[str, Any]:
    """Return what a plugin says of a table. Raises ``ComponentError``, ``PluginError``."""
    found = plugins.build("table", name)
    if not isinstance(found, Mapping):
        raise PluginError(f"table {name!r} is a {type(found).__name__}, not a mapping")
    return {**found, "name": plugins.registry("table").find(name).component.name}


def _part(name: str) -> str:
    """Return a name as a part of a study's name."""
    return name.replace("/", "-")
