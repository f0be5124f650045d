"""From names to things: everything a search needs, built, checked against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, TypeVar

from nas.abstract.dataset import Dataset, SearchData
from nas.abstract.evaluator import Evaluator
from nas.abstract.objective import (
    AnalyticObjective,
    MeasuredObjective,
    Objective,
    ReportedObjective,
)
from nas.abstract.predictor import Predictor
from nas.abstract.proxy import Proxy
from nas.abstract.space import Space
from nas.abstract.strategy import Strategy
from nas.archive.record import ComponentRecord
from nas.config import Config, Named
from nas.engine.reuse import evaluation_digest
from nas.errors import ConfigError, PluginError
from nas.executors.jobs import Ref, Setup
from nas.goals import Goal
from nas.plugins import FROM_FILE, OURS, PluginFile, Plugins
from nas.suggest import listed

Built = TypeVar("Built")


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
    proxy: Proxy | None
    predictor: Predictor | None
    setup: Setup
    components: tuple[ComponentRecord, ...]
    evaluation: str

    @property
    def analytic(self) -> dict[str, AnalyticObjective]:
        """The objectives that are known before anything is trained, by metric."""
        return {o.metric: o for o in self.objectives if isinstance(o, AnalyticObjective)}


def assemble(config: Config, files: Sequence[PluginFile]) -> Assembly:
    """Build everything that a config names.

    Raises:
        ComponentError: a name or parameter that does not fit.
        ConfigError: components that do not fit each other.
        DatasetError: data that cannot be used.
        PluginError: a component that is not what its hook says.
    """
    builder = _Builder(Plugins(files))
    # names first: a typo should not cost the user the loading of a data set
    evaluator = builder.build("evaluator", config.evaluator, Evaluator)
    objectives = tuple(_objective(builder, o, evaluator) for o in config.objectives)
    goals = _goals(config, objectives)
    strategy = builder.build("strategy", config.strategy, Strategy)
    wanted = config.filter
    proxy = builder.build("proxy", wanted.proxy, Proxy) if wanted and wanted.proxy else None
    predictor = (
        builder.build("predictor", wanted.predictor, Predictor)
        if wanted and wanted.predictor
        else None
    )
    builder.plugins.registry("space").bind(config.space.name, config.space.parameters)
    data = _data(builder, config, evaluator, proxy)
    taken = of_data(builder.plugins, config.space.name, data)
    space_config = Named.model_validate(
        {"name": config.space.name, **taken, **config.space.parameters}
    )
    space = builder.build("space", space_config, Space)
    _check_shapes(space, data, config)
    return Assembly(
        builder.plugins,
        space,
        data,
        evaluator,
        objectives,
        goals,
        strategy,
        proxy,
        predictor,
        _setup(builder, config, space_config, objectives, files),
        tuple(builder.components),
        _evaluation(builder.components, objectives, evaluator, data),
    )


class _Builder:
    """Builds components and remembers where each came from."""

    def __init__(self, plugins: Plugins) -> None:
        self.plugins = plugins
        self.components: list[ComponentRecord] = []

    def build(self, kind: str, named: Named, expected: type[Built]) -> Built:
        registered = self.plugins.registry(kind).find(named.name)
        built = self.plugins.build(kind, named.name, **named.parameters)
        if not isinstance(built, expected):
            raise PluginError(
                f"{kind} {registered.full_name!r} built a {type(built).__name__}, "
                f"not a nas.{expected.__name__}"
            )
        self.components.append(
            ComponentRecord(
                kind,
                registered.full_name,
                dict(named.parameters),
                registered.distribution,
                registered.version,
            )
        )
        return built

    def ref(self, kind: str, named: Named) -> Ref:
        full_name = self.plugins.registry(kind).find(named.name).full_name
        return Ref(full_name, dict(named.parameters))


def _objective(builder: _Builder, named: Named, evaluator: Evaluator) -> Objective:
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
    builder: _Builder, config: Config, evaluator: Evaluator, proxy: Proxy | None
) -> SearchData | None:
    if config.data is None:
        needy = (
            "evaluator" if evaluator.needs_data else "proxy" if proxy and proxy.needs_data else ""
        )
        if needy:
            known = listed(builder.plugins.registry("dataset").names())
            raise ConfigError(f"the {needy} needs data: add a [data] table; data sets: {known}")
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
    builder: _Builder,
    config: Config,
    space: Named,
    objectives: Sequence[Objective],
    files: Sequence[PluginFile],
) -> Setup:
    measured = tuple(
        builder.ref("objective", named)
        for named, objective in zip(config.objectives, objectives, strict=True)
        if isinstance(objective, MeasuredObjective)
    )
    return Setup(
        builder.ref("space", space),
        builder.ref("evaluator", config.evaluator),
        measured,
        tuple(files),
        _versions(builder.components),
    )


def _versions(components: Sequence[ComponentRecord]) -> dict[str, str]:
    """Return what a worker must have installed; plugin files travel with the jobs."""
    used = {c.distribution: c.version for c in components if c.distribution != FROM_FILE}
    return {**used, OURS: version(OURS)}


def _evaluation(
    components: Sequence[ComponentRecord],
    objectives: Sequence[Objective],
    evaluator: Evaluator,
    data: SearchData | None,
) -> str:
    by_role = {c.role: asdict(c) for c in components if c.role in ("space", "evaluator")}
    of_objectives = [c for c in components if c.role == "objective"]
    measured = [
        asdict(component)
        for component, objective in zip(of_objectives, objectives, strict=True)
        if isinstance(objective, MeasuredObjective)
    ]
    fingerprint = data.fingerprint if data is not None else None
    known = {"measured": measured, "budget": evaluator.budget, "data": fingerprint}
    return evaluation_digest({**by_role, **known})
