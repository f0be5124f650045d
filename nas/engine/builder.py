"""From names to things, with a note of where each came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from nas.abstract.aggregate import Aggregate
from nas.abstract.evaluator import Evaluator
from nas.abstract.learning_curve import CurvePredictor, CurvePrior
from nas.abstract.objective import AnalyticObjective
from nas.abstract.predictor import Predictor
from nas.abstract.proxy import Proxy
from nas.abstract.scheduler import Scheduler
from nas.abstract.strategy import Strategy
from nas.abstract.use import Use
from nas.archive.record import ComponentRecord
from nas.config import FilterConfig, Named
from nas.engine.proxy_tree import Branch, Tree, grow, label
from nas.errors import PluginError
from nas.executors.jobs import Ref
from nas.plugins import Plugins
from nas.suggest import listed

Built = TypeVar("Built")

USABLE: Mapping[str, type[object]] = {
    "curve_predictor": CurvePredictor,
    "curve_prior": CurvePrior,
    "evaluator": Evaluator,
    "objective": AnalyticObjective,
    "predictor": Predictor,
    "proxy": Proxy,
    "strategy": Strategy,
}
"""Kinds of components that another one can work with."""


class Builder:
    """Builds components and remembers where each came from."""

    def __init__(self, plugins: Plugins) -> None:
        self.plugins = plugins
        self.components: list[ComponentRecord] = []

    def build(
        self, kind: str, named: Named, expected: type[Built] | tuple[type[Built], ...]
    ) -> Built:
        """Build a component.

        Raises:
            ComponentError: a name or parameter that does not fit.
            PluginError: what is built is none of ``expected``.
        """
        built = self.plugins.build(kind, named.name, **named.parameters)
        if not isinstance(built, expected):
            raise PluginError(
                f"{kind} {self.ref(kind, named).name!r} built a {type(built).__name__}, "
                f"not {_one_of(expected)}"
            )
        self.components.append(self.record(kind, named))
        if isinstance(built, Strategy | Scheduler | CurvePredictor):
            built.used = tuple(map(self.build_used, built.uses))
        if isinstance(built, Evaluator):
            built.work_with(map(self.build_used, built.uses))
        return built

    def build_used(self, use: Use) -> object:
        """Build what a component works with, and what that works with itself."""
        if use.kind not in USABLE:
            raise PluginError(f"{use!r}: kind must be one of {listed(USABLE)}")
        named = Named.model_validate({"name": use.name, **use.parameters})
        return self.build(use.kind, named, USABLE[use.kind])

    def tree(self, named: Named, adapted: Callable[[Named], Named] = lambda named: named) -> Tree:
        """Build a proxy, or an aggregate and its parts.

        Args:
            named: which one.
            adapted: changes the parameters that something is built with.
        """

        def build(named: Named) -> Proxy | Aggregate:
            built = self.build("proxy", adapted(named), (Proxy, Aggregate))
            assert isinstance(built, Proxy | Aggregate)
            return built

        return grow(named, build)

    def filter_trees(self, wanted: FilterConfig) -> tuple[Tree, ...]:
        """Build what a filter ranks by: a proxy, or proxies under one aggregate.

        Or the proxies that are its predictor's features, if any.
        """
        if wanted.predictor is not None:
            return tuple(map(self.tree, wanted.features or ()))
        if wanted.proxy is not None:
            return (self.tree(wanted.proxy),)
        assert wanted.proxies is not None
        names = [label(named) for named in wanted.proxies]
        parts = tuple(map(self.tree, wanted.proxies))
        together = Aggregate(names, wanted.rule)
        return (Branch(f"{wanted.rule}({', '.join(names)})", together, parts),)

    def ref(self, kind: str, named: Named) -> Ref:
        """Return what a worker builds the component by."""
        full_name = self.plugins.registry(kind).find(named.name).full_name
        return Ref(full_name, dict(named.parameters))

    def record(self, kind: str, named: Named) -> ComponentRecord:
        """Return where a component comes from."""
        found = self.plugins.registry(kind).find(named.name)
        parameters = dict(named.parameters)
        return ComponentRecord(kind, found.full_name, parameters, found.distribution, found.version)


def _one_of(expected: type | tuple[type, ...]) -> str:
    kinds = expected if isinstance(expected, tuple) else (expected,)
    return " or ".join(f"a nas.{kind.__name__}" for kind in kinds)
