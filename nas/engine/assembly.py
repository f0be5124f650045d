"""From names to things: everything a search needs, built, checked against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from nas.abstract.dataset import Dataset, SearchData
from nas.abstract.evaluator import Evaluator
from nas.abstract.objective import (
    AnalyticObjective,
    MeasuredObjective,
    Objective,
    ReportedObjective,
)
from nas.abstract.predictor import Predictor
from nas.abstract.scheduler import Scheduler
from nas.abstract.space import Space
from nas.abstract.strategy import Problem, Strategy
from nas.archive.record import ComponentRecord
from nas.components import HYPER
from nas.config import Config, FilterConfig, Named
from nas.engine.builder import Builder
from nas.engine.hyper_check import check_ranges
from nas.engine.proxy_tree import Tree, proxies
from nas.engine.reuse import evaluation_digest
from nas.engine.scheduling import check_pausing, scheduler_of
from nas.errors import ConfigError
from nas.executors.jobs import Setup
from nas.goals import Goal
from nas.plugins import FROM_FILE, OURS, PluginFile, Plugins
from nas.suggest import listed


@dataclass(frozen=True)
class Assembly:
    """Everything a search is made of.

    Args:
        setup: what workers build for themselves.
        components: provenance, for the archive.
        evaluation: digest of everything that an evaluation depends on but the architecture.
    """

    plugins: Plugins
    space: Space
    data: SearchData | None
    evaluator: Evaluator
    objectives: tuple[Objective, ...]
    goals: tuple[Goal, ...]
    strategy: Strategy
    proxies: tuple[Tree, ...]
    predictor: Predictor | None
    scheduler: Scheduler | None
    setup: Setup
    components: tuple[ComponentRecord, ...]
    evaluation: str

    @property
    def analytic(self) -> dict[str, AnalyticObjective]:
        """The objectives that are known before anything is trained, by metric."""
        return {o.metric: o for o in self.objectives if isinstance(o, AnalyticObjective)}

    @property
    def measured(self) -> list[str]:
        """The metrics that are measured on a worker."""
        return [o.metric for o in self.objectives if isinstance(o, MeasuredObjective)]

    @property
    def keeps_snapshots(self) -> bool:
        """Whether evaluations are to leave something to go on from."""
        pauses = self.strategy.pauses or bool(self.scheduler and self.scheduler.pauses)
        return self.evaluator.checkpoints or (pauses and self.evaluator.pausable)

    def problem(self, seed: int) -> Problem:
        """Return what the strategy is started with."""
        return Problem(self.space, self.goals, seed, self.data, self.evaluator.budget)


def assemble(config: Config, files: Sequence[PluginFile]) -> Assembly:
    """Build everything that a config names.

    Raises:
        ComponentError: a name or parameter that does not fit.
        ConfigError: components that do not fit each other.
        DatasetError: data that cannot be used.
        PluginError: a component that is not what its hook says.
    """
    builder = Builder(Plugins(files))
    # names first: a typo should not cost the user the loading of a data set
    evaluator = builder.build("evaluator", config.evaluator, Evaluator)
    recipe = tuple(builder.components)
    check_ranges(config.hyper, config.evaluator, builder.plugins)
    objectives = tuple(_objective(builder, o, evaluator) for o in config.objectives)
    goals = _goals(config, objectives)
    strategy = builder.build("strategy", config.strategy, Strategy)
    wanted = config.filter
    trees = builder.filter_trees(wanted) if wanted else ()
    predictor = _predictor(builder, wanted)
    scheduler = scheduler_of(builder, config, evaluator)
    check_pausing(config, strategy, evaluator)
    builder.plugins.registry("space").bind(config.space.name, config.space.parameters)
    scored = list(proxies(trees).values())
    data = _data(builder, config, _needy(evaluator, scored, strategy))
    space_config = _space_config(builder, config, data)
    space = builder.build("space", space_config, Space)
    _check_shapes(space, data, config)
    evaluator.check(space.networks)
    return Assembly(
        builder.plugins,
        space,
        data,
        evaluator,
        objectives,
        goals,
        strategy,
        trees,
        predictor,
        scheduler,
        _setup(builder, config, space_config, objectives, files, recipe),
        tuple(builder.components),
        _evaluation(builder.components, recipe[1:], objectives, evaluator, data),
    )


def _needy(
    evaluator: Evaluator, scored: Sequence[object], strategy: Strategy
) -> dict[str, Sequence[object]]:
    """Return what may need data, by what it is."""
    return {
        "evaluator": [evaluator, *_used(evaluator)],
        "proxy": scored,
        "strategy": [*_used(strategy)],
    }


def _used(whole: Evaluator | Strategy) -> Iterator[object]:
    """Yield everything that a component works with."""
    for part in whole.used:
        yield part
        if isinstance(part, Evaluator | Strategy):
            yield from _used(part)


def _predictor(builder: Builder, wanted: FilterConfig | None) -> Predictor | None:
    if wanted is None or wanted.predictor is None:
        return None
    predictor = builder.build("predictor", wanted.predictor, Predictor)
    if wanted.features is not None and not predictor.takes_features:
        raise ConfigError(
            f"predictor {type(predictor).__name__} takes no features beside the encoding; "
            "leave out filter.features"
        )
    return predictor


def _objective(builder: Builder, named: Named, evaluator: Evaluator) -> Objective:
    objective = builder.build("objective", named, Objective)
    known = evaluator.metrics
    if isinstance(objective, ReportedObjective) and objective.metric not in known:
        raise ConfigError(
            f"objective {named.name!r} needs the metric {objective.metric!r}, which this "
            f"evaluator does not report; it reports {listed(known)}"
        )
    return objective


def _goals(config: Config, objectives: Sequence[Objective]) -> tuple[Goal, ...]:
    goals = tuple(
        Goal(o.metric, o.direction, o.unit, c.min, c.max)
        for o, c in zip(objectives, config.objectives, strict=True)
    )
    metrics = [goal.metric for goal in goals]
    if len(set(metrics)) < len(metrics):
        raise ConfigError(f"each objective once: two of {metrics} are the same metric")
    wanted = config.filter.objective if config.filter else None
    if wanted is not None and wanted not in metrics:
        raise ConfigError(f"filter.objective {wanted!r} is no objective here: {listed(metrics)}")
    return goals


def _data(
    builder: Builder, config: Config, parts: Mapping[str, Sequence[object]]
) -> SearchData | None:
    needy = [
        what for what, built in parts.items() if any(getattr(b, "needs_data", False) for b in built)
    ]
    if config.data is None:
        if needy:
            known = listed(builder.plugins.registry("dataset").names())
            raise ConfigError(f"the {needy[0]} needs data: add a [data] table; data sets: {known}")
        return None
    dataset = builder.build("dataset", config.data, Dataset)
    return dataset.for_search(config.seed)


def of_data(plugins: Plugins, space: str, data: SearchData | None) -> dict[str, Any]:
    """Return the parameters that a space takes from the data unless it is told others."""
    if data is None:
        return {}
    takes = plugins.registry("space").signature(space).parameters
    known = {"input_shape": list(data.input_shape), "classes": data.classes}
    return {key: value for key, value in known.items() if key in takes}


def _space_config(builder: Builder, config: Config, data: SearchData | None) -> Named:
    """Return the space with what it takes from the data, and with hyper-parameters."""
    taken = of_data(builder.plugins, config.space.name, data)
    hyper = {HYPER: {k: v.plain() for k, v in config.hyper.items()}} if config.hyper else {}
    return Named.model_validate(
        {"name": config.space.name, **taken, **config.space.parameters, **hyper}
    )


def _check_shapes(space: Space, data: SearchData | None, config: Config) -> None:
    if data is None:
        return
    for what, mine, theirs in (
        ("input_shape", tuple(space.input_shape), data.input_shape),
        ("classes", space.classes, data.classes),
    ):
        if mine != theirs:
            raise ConfigError(
                f"space {config.space.name!r} has {what} {mine}, the data has {theirs}"
            )


def _setup(
    builder: Builder,
    config: Config,
    space: Named,
    objectives: Sequence[Objective],
    files: Sequence[PluginFile],
    recipe: Sequence[ComponentRecord],
) -> Setup:
    measured = [
        named
        for named, objective in zip(config.objectives, objectives, strict=True)
        if isinstance(objective, MeasuredObjective)
    ]
    origins = [builder.record("objective", named) for named in measured]
    return Setup(
        builder.ref("space", space),
        builder.ref("evaluator", config.evaluator),
        tuple(builder.ref("objective", named) for named in measured),
        tuple(files),
        versions([*recipe, *origins, builder.record("space", space)]),
    )


def versions(components: Sequence[ComponentRecord]) -> dict[str, str]:
    """Return what a worker must have installed to build these; plugin files travel with jobs."""
    used = {c.distribution: c.version for c in components if c.distribution != FROM_FILE}
    return {**used, OURS: version(OURS)}


def _evaluation(
    components: Sequence[ComponentRecord],
    used: Sequence[ComponentRecord],
    objectives: Sequence[Objective],
    evaluator: Evaluator,
    data: SearchData | None,
) -> str:
    whole = next(c for c in components if c.role == "evaluator")  # its parts follow it
    by_role = {c.role: asdict(c) for c in (*components, whole) if c.role in ("space", "evaluator")}
    parts = [asdict(c) for c in used]
    of_objectives = [c for c in components if c.role == "objective"]
    measured = [
        asdict(component)
        for component, objective in zip(of_objectives, objectives, strict=True)
        if isinstance(objective, MeasuredObjective)
    ]
    fingerprint = data.fingerprint if data is not None else None
    known = {"measured": measured, "budget": evaluator.budget, "data": fingerprint}
    if parts:
        known["used"] = parts
    return evaluation_digest({**by_role, **known})
