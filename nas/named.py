"""Any component by its name, built and ready."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from nas.plugins import Plugins

if TYPE_CHECKING:
    from nas.abstract.dataset import Dataset
    from nas.abstract.evaluator import Evaluator
    from nas.abstract.exporter import Exporter
    from nas.abstract.learning_curve import CurvePredictor, CurvePrior
    from nas.abstract.objective import Objective
    from nas.abstract.predictor import Predictor
    from nas.abstract.proxy import Proxy
    from nas.abstract.scheduler import Scheduler
    from nas.abstract.space import Space
    from nas.abstract.strategy import Strategy


@cache
def _installed() -> Plugins:
    return Plugins()


def space(name: str, /, **parameters: Any) -> Space:
    """Build a search space, such as ``nas.space("nas201", cells=5, channels=16)``.

    Like all functions here, raises ``ComponentError`` naming what would have worked.
    """
    built: Space = _installed().build("space", name, **parameters)
    return built


def proxy(name: str, /, **parameters: Any) -> Proxy:
    """Build a zero-cost proxy; several together, such as ``az_nas``, are a ``nas.Aggregate``."""
    built: Proxy = _installed().build("proxy", name, **parameters)
    return built


def predictor(name: str, /, **parameters: Any) -> Predictor:
    """Build a predictor."""
    built: Predictor = _installed().build("predictor", name, **parameters)
    return built


def evaluator(name: str, /, **parameters: Any) -> Evaluator:
    """Build an evaluator and what it uses."""
    built: Evaluator = _with_parts("evaluator", name, parameters)
    return built


def strategy(name: str, /, **parameters: Any) -> Strategy:
    """Build a search strategy and what it uses; call its ``start`` before ``ask``."""
    built: Strategy = _with_parts("strategy", name, parameters)
    return built


def scheduler(name: str, /, **parameters: Any) -> Scheduler:
    """Build a scheduler and what it uses; call its ``start`` first."""
    built: Scheduler = _with_parts("scheduler", name, parameters)
    return built


def curve_prior(name: str, /, **parameters: Any) -> CurvePrior:
    """Build a prior over learning curves."""
    built: CurvePrior = _installed().build("curve_prior", name, **parameters)
    return built


def curve_predictor(name: str, /, **parameters: Any) -> CurvePredictor:
    """Build a predictor of learning curves and what it uses."""
    built: CurvePredictor = _with_parts("curve_predictor", name, parameters)
    return built


def _with_parts(kind: str, name: str, parameters: Mapping[str, Any]) -> Any:
    return with_parts(_installed(), kind, name, parameters)


def with_parts(plugins: Plugins, kind: str, name: str, parameters: Mapping[str, Any]) -> Any:
    """Build a component; an evaluator, strategy or scheduler, say, with what it works with."""
    built = plugins.build(kind, name, **parameters)
    if hasattr(type(built), "used"):
        used = tuple(with_parts(plugins, u.kind, u.name, u.parameters) for u in built.uses)
        if kind == "evaluator":
            built.work_with(used)
        else:
            built.used = used
    return built


def objective(name: str, /, **parameters: Any) -> Objective:
    """Build an objective."""
    built: Objective = _installed().build("objective", name, **parameters)
    return built


def dataset(name: str, /, **parameters: Any) -> Dataset:
    """Build a data set."""
    built: Dataset = _installed().build("dataset", name, **parameters)
    return built


def exporter(name: str, /, **parameters: Any) -> Exporter:
    """Build an exporter; ``Archive.export`` is what uses it."""
    built: Exporter = _installed().build("exporter", name, **parameters)
    return built
