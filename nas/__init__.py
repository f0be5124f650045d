"""Plugin-based neural architecture search.

>>> import nas
>>> result = nas.search("examples/digits.toml")     # doctest: +SKIP
>>> space = nas.space("nas201", cells=5, channels=16)

Everything a plugin author or a user of the Python interface needs is here; nothing here imports
torch, ray, nevergrad or sqlite_utils before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nas.abstract.dataset import Dataset, Examples, SearchData, Split
from nas.abstract.evaluator import Evaluation, Evaluator, Report, Task
from nas.abstract.objective import (
    AnalyticObjective,
    MeasuredObjective,
    Objective,
    ReportedObjective,
)
from nas.abstract.predictor import Prediction, Predictor
from nas.abstract.proxy import Proxy
from nas.abstract.space import Space
from nas.abstract.strategy import Problem, Proposal, Strategy
from nas.architecture import Architecture
from nas.components import Component
from nas.decisions import Categorical, Integer
from nas.errors import (
    ArchiveError,
    CandidateError,
    ComponentError,
    ConfigError,
    DatasetError,
    NASError,
    NonFiniteError,
    NotApplicableError,
    PluginError,
    SpaceError,
    StudyError,
)
from nas.goals import Goal
from nas.hookspecs import hookimpl
from nas.named import dataset, evaluator, objective, predictor, proxy, space, strategy
from nas.trial import CurvePoint, Failure, Measurement, Status, Trial

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.config import Config
    from nas.engine.search import Result, search

__version__ = "0.1.0"

_LAZY = {
    "Archive": "nas.archive",
    "Config": "nas.config",
    "Result": "nas.engine.search",
    "search": "nas.engine.search",
}
"""What is heavy to import (pydantic, the engine), and where it is."""


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'nas' has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


__all__ = [
    "AnalyticObjective",
    "Architecture",
    "Archive",
    "ArchiveError",
    "CandidateError",
    "Categorical",
    "Component",
    "ComponentError",
    "Config",
    "ConfigError",
    "CurvePoint",
    "Dataset",
    "DatasetError",
    "Evaluation",
    "Evaluator",
    "Examples",
    "Failure",
    "Goal",
    "Integer",
    "MeasuredObjective",
    "Measurement",
    "NASError",
    "NonFiniteError",
    "NotApplicableError",
    "Objective",
    "PluginError",
    "Prediction",
    "Predictor",
    "Problem",
    "Proposal",
    "Proxy",
    "Report",
    "ReportedObjective",
    "Result",
    "SearchData",
    "Space",
    "SpaceError",
    "Split",
    "Status",
    "Strategy",
    "StudyError",
    "Task",
    "Trial",
    "dataset",
    "evaluator",
    "hookimpl",
    "objective",
    "predictor",
    "proxy",
    "search",
    "space",
    "strategy",
]
