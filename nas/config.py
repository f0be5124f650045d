"""A search in words: what its TOML file may say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_serializer, model_validator

from nas.components import HYPER
from nas.documents import Document, Model
from nas.hyper.ranges import Range, flattened


class Named(Model):
    """A component by name; the table's other keys are its parameters."""

    name: Annotated[str, Field(min_length=1)]
    parameters: Mapping[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict):
            own = set(cls.model_fields) - {"parameters"}
            known = {key: value[key] for key in value if key in own}
            return {**known, "parameters": {k: v for k, v in value.items() if k not in own}}
        return value

    @model_serializer(mode="plain")
    def _join(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in type(self).model_fields}
        parameters = own.pop("parameters")
        return {**{key: value for key, value in own.items() if value is not None}, **parameters}


class ObjectiveConfig(Named):
    """An objective; with ``min`` or ``max`` it is a constraint too."""

    min: float | int | None = None
    max: float | int | None = None

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(
                f"min ({self.min:g}) is above max ({self.max:g}): nothing can keep both"
            )
        return self


class WarmupConfig(Model):
    """Begin with the best of many: the strategy is asked after these trials."""

    pool: Annotated[int, Field(ge=2)]
    """Architectures that are drawn and scored."""
    trials: Annotated[int, Field(ge=1)]
    """So many of them, the best, are evaluated first."""

    @model_validator(mode="after")
    def _fewer_than_the_pool(self) -> Self:
        if self.trials > self.pool:
            raise ValueError(f"trials ({self.trials}) is more than the pool ({self.pool}) has")
        return self


class FilterConfig(Model):
    """Draw ``candidates`` from the strategy, evaluate one of them."""

    proxy: Named | None = None
    proxies: Annotated[tuple[Named, ...], Field(min_length=2, strict=False)] | None = None
    """Several, aggregated by rank among all that the study has scored."""
    predictor: Named | None = None
    features: Annotated[tuple[Named, ...], Field(min_length=1, strict=False)] | None = None
    """Proxies whose scores a predictor sees beside the encoding."""
    rule: Literal["log_rank", "mean_rank"] = "log_rank"
    """How ``proxies`` are aggregated: sum of log ranks, or mean rank."""
    repeats: Annotated[int, Field(ge=1)] = 1
    """Initialisations that a proxy's score is the mean over."""
    candidates: Annotated[int, Field(ge=2)] = 10
    random: Annotated[float | int, Field(ge=0, le=1)] = 0.1
    """Share of trials that the filter does not choose: one that is wrong cannot trap a search."""
    warmup: WarmupConfig | None = None
    by: Literal["score", "front"] = "score"
    """Take the best-scored; or any that no other beats in score and in every analytic objective."""
    objective: str | None = None
    """What a predictor predicts: an objective of the study, by default the first."""

    @model_validator(mode="after")
    def _one_scorer(self) -> Self:
        if sum(one is not None for one in (self.proxy, self.proxies, self.predictor)) != 1:
            raise ValueError("a filter has either a proxy, or proxies, or a predictor")
        if self.objective is not None and self.predictor is None:
            raise ValueError("objective is what a predictor predicts; a proxy has none")
        if self.predictor is not None and self.warmup is not None:
            raise ValueError("warmup is by proxy; a predictor knows nothing before the first trial")
        if self.features is not None and self.predictor is None:
            raise ValueError("features are what a predictor sees; a proxy sees the network")
        if self.predictor is not None and self.features is None and self.repeats > 1:
            raise ValueError("repeats are of a proxy; there is none")
        return self


class SchedulerConfig(Named):
    """Which trials are stopped or paused."""

    audit: Annotated[float | int, Field(ge=0, le=1)] = 0.0
    """Share of the trials that were to stop that go on all the same: what stopping loses."""


class WarmStartConfig(Model):
    """Begin with what earlier studies have found out."""

    archives: Annotated[tuple[str, ...], Field(min_length=1, strict=False)] | None = None
    """Where they are; by default, in the archive of the new study."""
    studies: Annotated[tuple[str, ...], Field(min_length=1, strict=False)] | None = None
    """Their names, all of which must fit; by default, all studies that fit."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """So many of their trials at most, the best."""
    any_evaluation: bool = False
    """Whether trials count that were evaluated in another way, such as on other data."""


class StopConfig(Model):
    """When a study ends: after so many evaluated trials, so many seconds of all its sessions.

    Or so much budget of all trials together (epochs, unless the evaluator says otherwise).
    """

    trials: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float | int, Field(gt=0)] | None = None
    budget: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _some_stop(self) -> Self:
        if self.trials is None and self.seconds is None and self.budget is None:
            raise ValueError("say when to stop: trials, seconds or budget, or several of them")
        return self


class LimitsConfig(Model):
    """What one trial may use; a trial that exceeds it fails. These may change in mid-study."""

    timeout: Annotated[float | int, Field(gt=0)] | None = None
    """Seconds of wall time, without what a worker needs to start."""
    memory: Annotated[float | int, Field(ge=2**20)] | None = None
    """Bytes that a trial may allocate beyond what its process had before; not those of a GPU."""


class SimulationConfig(Model):
    """What goes wrong on virtual workers. Every draw follows from ``seed`` and a trial's number."""

    seed: Annotated[int, Field(ge=0)] = 0
    stragglers: Annotated[float | int, Field(ge=0, le=1)] = 0.0
    """Share of runs that take ``slowdown`` times longer."""
    slowdown: Annotated[float | int, Field(ge=1)] = 4.0
    failures: Annotated[float | int, Field(ge=0, le=1)] = 0.0
    """Share of trials that fail part-way: a candidate's fault, so they do not run again."""
    lost: Annotated[float | int, Field(ge=0)] = 0.0
    """Workers lost in an hour of one worker's work; what they had runs again on another."""
    repair: Annotated[float | int, Field(ge=0)] = 600.0
    """Seconds until a lost worker is replaced."""


class RunConfig(Model):
    """How a search is run. Nothing here changes the trials, unless they are simulated."""

    executor: Literal["ray", "inline", "simulated"] = "ray"
    workers: Annotated[int, Field(ge=1)] | None = None
    """At most so many evaluations at once; by default, what the cluster has room for."""
    address: str | None = None
    """Of a Ray cluster; by default a local Ray is started."""
    ship: Annotated[tuple[str, ...], Field(min_length=1, strict=False)] | None = None
    """Distributions that are sent to workers on Ray, so that nodes need not have them."""
    durable: bool = True
    """Whether a trial that has ended survives a power cut; a kill it survives in any case."""
    simulation: SimulationConfig | None = None
    """What goes wrong in a simulation; by default nothing does."""

    @model_validator(mode="after")
    def _of_one_executor(self) -> Self:
        if self.simulation is not None and self.executor != "simulated":
            raise ValueError('simulation is for executor = "simulated" alone')
        if self.address is not None and self.executor == "simulated":
            raise ValueError('address is of a Ray cluster; executor = "simulated" has none')
        return self


class Config(Document):
    """One search.

    Args:
        study: name of the study, unique in its archive.
        seed: what every other seed is derived from.
        objectives: what to minimize or maximize, at least one.
        window: proposal k is made knowing the results of trials 0 to k - window, whatever the
            number of workers; so it is also how many trials can run at once.
        order: in which the strategy is told of trials: by ``number``, whatever ends first, or by
            ``completion``, which keeps uneven workers busy and makes the trials depend on who was
            faster.
        reuse: whether an evaluation that the archive holds already answers a trial.
        weights: whose trained weights are kept: of the trials on the front, or of all.
        space, data, evaluator, strategy: components and their parameters; without a strategy,
            Bayesian optimisation.
        hyper: parameters of the evaluator whose values are searched, too.
        scheduler: which trials are stopped or paused before their full budget; by default none.
        filter: which of several candidates is evaluated.
        warm_start: which trials of earlier studies the strategy is told first.
        stop: when the study ends.
        limits: what one trial may use.
        run: how, not what.
    """

    study: Annotated[str, Field(min_length=1, max_length=200)]
    seed: Annotated[int, Field(ge=0)] = 0
    objectives: Annotated[tuple[ObjectiveConfig, ...], Field(min_length=1, strict=False)]
    window: Annotated[int, Field(ge=1)] = 8
    order: Literal["number", "completion"] = "number"
    reuse: bool = False
    weights: Literal["front", "all"] = "front"
    space: Named
    data: Named | None = None
    evaluator: Named
    hyper: Annotated[Mapping[str, Range], BeforeValidator(flattened)] = {}
    strategy: Named = Named(name="bo")
    scheduler: SchedulerConfig | None = None
    filter: FilterConfig | None = None
    warm_start: WarmStartConfig | None = None
    stop: StopConfig
    limits: LimitsConfig = LimitsConfig()
    run: RunConfig = RunConfig()

    @model_validator(mode="after")
    def _alone_in_a_simulation(self) -> Self:
        if self.simulated and self.reuse:
            raise ValueError(
                "reuse = true answers trials from whatever the archive holds; what a simulation "
                "says is to follow from its config alone: leave out reuse"
            )
        return self

    @model_validator(mode="after")
    def _ranges_beside_the_space(self) -> Self:
        if HYPER in self.space.parameters:
            raise ValueError("hyper is a table beside space, not in it")
        return self

    @property
    def simulated(self) -> bool:
        """Whether time is virtual."""
        return self.run.executor == "simulated"

    def identity(self) -> dict[str, Any]:
        """Return what a study is: all but when to stop, what a trial may use and how to run.

        Of a simulation these are a part of it, for they decide which trial ends when.
        """
        plain = self.to_dict()
        known = {k: v for k, v in plain.items() if k not in ("stop", "limits", "run")}
        if self.simulated:
            simulation = self.run.simulation or SimulationConfig()
            known["run"] = {"executor": self.run.executor, "workers": self.run.workers}
            known["run"]["simulation"] = simulation.model_dump()
            known["limits"] = {"timeout": self.limits.timeout}
        return known


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return where two configs differ, such as ``strategy.population: 16 -> 32``."""
    found = []
    for key in sorted({*old, *new}):
        a, b, name = old.get(key), new.get(key), f"{prefix}{key}"
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            found += differences(a, b, f"{name}.")
        elif a != b:
            found.append(f"{name}: {json.dumps(a)} -> {json.dumps(b)}")
    return found
