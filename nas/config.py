"""A search in words: TOML, checked into frozen models; an error says what would work."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_serializer,
    model_validator,
)

from nas.errors import ConfigError
from nas.suggest import did_you_mean, listed


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Named(_Model):
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


class WarmupConfig(_Model):
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


class FilterConfig(_Model):
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


class StopConfig(_Model):
    """When a study ends: after so many evaluated trials, so many seconds of all its sessions."""

    trials: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float | int, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _some_stop(self) -> Self:
        if self.trials is None and self.seconds is None:
            raise ValueError("say when to stop: trials, seconds, or both")
        return self


class LimitsConfig(_Model):
    """What one trial may use; a trial that exceeds it fails. These may change in mid-study."""

    timeout: Annotated[float | int, Field(gt=0)] | None = None
    """Seconds of wall time, without what a worker needs to start."""
    memory: Annotated[float | int, Field(ge=2**20)] | None = None
    """Bytes that a trial may allocate beyond what its process had before; not those of a GPU."""


class RunConfig(_Model):
    """How a search is run. Nothing here changes the trials."""

    executor: Literal["ray", "inline"] = "ray"
    workers: Annotated[int, Field(ge=1)] | None = None
    """At most so many evaluations at once; by default, what the cluster has room for."""
    address: str | None = None
    """Of a Ray cluster; by default a local Ray is started."""


class Config(_Model):
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
        space, data, evaluator, strategy: components and their parameters.
        filter: which of several candidates is evaluated.
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
    space: Named
    data: Named | None = None
    evaluator: Named
    strategy: Named
    filter: FilterConfig | None = None
    stop: StopConfig
    limits: LimitsConfig = LimitsConfig()
    run: RunConfig = RunConfig()

    @classmethod
    def load(cls, path: str | Path, overrides: Iterable[str] = ()) -> Config:
        """Read a TOML file.

        Args:
            path: of the file.
            overrides: such as ``stop.trials=12``; a value is TOML, or else a plain text.

        Raises:
            ConfigError: the file cannot be read, or something in it does not fit.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"config {str(path)!r} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise ConfigError(f"config {str(path)!r} is no UTF-8 text: {error}") from None
        try:
            values = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise ConfigError(f"config {str(path)!r} is not TOML: {error}") from None
        for override in overrides:
            _override(values, override)
        return cls.parse(values, source=str(path))

    @classmethod
    def parse(cls, values: Mapping[str, Any], source: str = "config") -> Config:
        """Check a mapping such as ``tomllib`` gives. Raises ``ConfigError``."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError(f"{source}: {_explain(error)}") from None

    def changed(self, overrides: Iterable[str]) -> Config:
        """Return a config with other values; see ``load``. Raises ``ConfigError``."""
        values = self.to_dict()
        for override in overrides:
            _override(values, override)
        return type(self).parse(values)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; ``parse`` is its inverse."""
        plain: dict[str, Any] = json.loads(self.model_dump_json())
        return plain

    def identity(self) -> dict[str, Any]:
        """Return what a study is: all but when to stop, what a trial may use and how to run."""
        return {k: v for k, v in self.to_dict().items() if k not in ("stop", "limits", "run")}


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


def _override(values: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not separator or not all(parts):
        raise ConfigError(f"--set {override!r}: write key=value, such as stop.trials=12")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    table = values
    for part in parts[:-1]:
        if isinstance(table.get(part), str):
            table[part] = {"name": table[part]}
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise ConfigError(f"--set {override!r}: {part!r} is no table")
    if isinstance(table.get(parts[-1]), dict) and isinstance(value, str):
        value = {"name": value}
    table[parts[-1]] = value


def _explain(error: ValidationError) -> str:
    return "; ".join(_explain_one(problem) for problem in error.errors()[:5])


def _explain_one(problem: Any) -> str:
    where = problem["loc"]
    shown = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in where).lstrip(".")
    if problem["type"] == "extra_forbidden":
        known = _fields_at(where[:-1])
        return f"unknown key {shown!r}.{did_you_mean(str(where[-1]), known)} Known: {listed(known)}"
    if problem["type"] == "missing":
        return f"{shown!r} is missing"
    message = str(problem["msg"]).removeprefix("Value error, ")
    given = problem.get("input")
    value = f", not {given!r}" if isinstance(given, str | int | float | bool) else ""
    return f"{shown or 'config'}: {message[:1].lower()}{message[1:]}{value}"


def _fields_at(where: Sequence[Any]) -> list[str]:
    models: dict[str, type[BaseModel]] = {
        "filter": FilterConfig,
        "warmup": WarmupConfig,
        "stop": StopConfig,
        "limits": LimitsConfig,
        "run": RunConfig,
        "objectives": ObjectiveConfig,
    }
    tables = [str(part) for part in where if str(part) in models]
    model = models[tables[-1]] if tables else Named if where else Config
    return [name for name in model.model_fields if name != "parameters"]
