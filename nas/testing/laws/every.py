"""Laws of every component, whatever its kind."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from nas.abstract.aggregate import Aggregate
from nas.abstract.dataset import Dataset
from nas.abstract.evaluator import Evaluator
from nas.abstract.exporter import Exporter
from nas.abstract.learning_curve import CurvePredictor, CurvePrior
from nas.abstract.objective import AnalyticObjective, MeasuredObjective, ReportedObjective
from nas.abstract.predictor import Predictor
from nas.abstract.proxy import Proxy
from nas.abstract.scheduler import Scheduler
from nas.abstract.space import Space
from nas.abstract.strategy import Strategy
from nas.errors import ConformanceError
from nas.testing.law import EVERY, law, require
from nas.testing.subject import Subject, UnbuildableError

CLASSES: Mapping[str, tuple[type, ...]] = {
    "space": (Space,),
    "proxy": (Proxy, Aggregate),
    "predictor": (Predictor,),
    "evaluator": (Evaluator,),
    "strategy": (Strategy,),
    "scheduler": (Scheduler,),
    "curve_prior": (CurvePrior,),
    "curve_predictor": (CurvePredictor,),
    "objective": (ReportedObjective, AnalyticObjective, MeasuredObjective),
    "dataset": (Dataset,),
    "table": (Mapping,),
    "exporter": (Exporter,),
}
"""What a component of each kind is built as."""

_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_LONGEST = 120


@law(EVERY)
def builds_from_its_example(subject: Subject) -> None:
    """It can be built with the parameters of its example, and is what its hook promises.

    Give required parameters in `nas.Component(..., example={...})`, and derive from the class
    of the kind: what uses a component asks for the class, not for attributes.
    """
    try:
        built = subject.build()
    except UnbuildableError as error:
        given = subject.registered.component.example
        raise ConformanceError(f"{error}\n  example = {given}; see nas.Component") from error
    expected = CLASSES[subject.kind]
    names = " or ".join(kind.__name__ for kind in expected)
    require(isinstance(built, expected), f"build returned {type(built).__name__}, not a {names}")


@law(EVERY)
def names_its_parameters(subject: Subject) -> None:
    """Its signature names every parameter, so that a misspelt one is refused.

    A config is checked against the signature of `build`; with `**kwargs` a typing error is
    silently accepted.
    """
    signature = inspect.signature(subject.registered.component.build)
    loose = [str(p) for p in signature.parameters.values() if p.kind in _VARIABLE]
    require(not loose, f"the signature has {loose}, which takes any name")


@law(EVERY)
def says_what_it_is(subject: Subject) -> None:
    """Its summary is one short line of text for nas plugins.

    It stands in the table of `nas plugins`.
    """
    summary = subject.registered.component.summary
    require(summary.strip() == summary != "", f"the summary is {summary!r}")
    short = len(summary) <= _LONGEST and "\n" not in summary
    require(short, f"the summary is no line of at most {_LONGEST} characters: {summary!r}")
