"""Any component by its name, built and ready."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from nas.plugins import Plugins

if TYPE_CHECKING:
    from nas.abstract.dataset import Dataset
    from nas.abstract.evaluator import Evaluator
    from nas.abstract.objective import Objective
    from nas.abstract.predictor import Predictor
    from nas.abstract.proxy import Proxy
    from nas.abstract.space import Space
    from nas.abstract.strategy import Strategy
    from nas.abstract.use import Use


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
    """Build an evaluator."""
    built: Evaluator = _installed().build("evaluator", name, **parameters)
    return built


def strategy(name: str, /, **parameters: Any) -> Strategy:
    """Build a search strategy and what it uses; call its ``start`` before ``ask``."""
    built: Strategy = _installed().build("strategy", name, **parameters)
    built.used = tuple(map(_used, built.uses))
    return built


def _used(use: Use) -> Any:
    if use.kind == "strategy":
        return strategy(use.name, **use.parameters)
    return _installed().build(use.kind, use.name, **use.parameters)


def objective(name: str, /, **parameters: Any) -> Objective:
    """Build an objective."""
    built: Objective = _installed().build("objective", name, **parameters)
    return built


def dataset(name: str, /, **parameters: Any) -> Dataset:
    """Build a data set."""
    built: Dataset = _installed().build("dataset", name, **parameters)
    return built
