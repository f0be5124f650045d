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

if TYPE_CHECKING:
    from nas.abstract.aggregate import Aggregate as Aggregate
    from nas.abstract.checkpoint import Checkpoint as Checkpoint
    from nas.abstract.checkpoint import Snapshot as Snapshot
    from nas.abstract.dataset import Dataset as Dataset
    from nas.abstract.dataset import Examples as Examples
    from nas.abstract.dataset import SearchData as SearchData
    from nas.abstract.dataset import Split as Split
    from nas.abstract.evaluator import Evaluation as Evaluation
    from nas.abstract.evaluator import Evaluator as Evaluator
    from nas.abstract.evaluator import Report as Report
    from nas.abstract.evaluator import Task as Task
    from nas.abstract.exporter import Exporter as Exporter
    from nas.abstract.exporter import FoundNetwork as FoundNetwork
    from nas.abstract.learning_curve import CurvePosterior as CurvePosterior
    from nas.abstract.learning_curve import CurvePredictor as CurvePredictor
    from nas.abstract.learning_curve import CurvePrior as CurvePrior
    from nas.abstract.learning_curve import CurveSamples as CurveSamples
    from nas.abstract.objective import AnalyticObjective as AnalyticObjective
    from nas.abstract.objective import MeasuredObjective as MeasuredObjective
    from nas.abstract.objective import Objective as Objective
    from nas.abstract.objective import ReportedObjective as ReportedObjective
    from nas.abstract.predictor import Prediction as Prediction
    from nas.abstract.predictor import Predictor as Predictor
    from nas.abstract.proxy import Proxy as Proxy
    from nas.abstract.proxy import SharingProxy as SharingProxy
    from nas.abstract.proxy import score_together as score_together
    from nas.abstract.scheduler import Contest as Contest
    from nas.abstract.scheduler import Course as Course
    from nas.abstract.scheduler import Decision as Decision
    from nas.abstract.scheduler import Level as Level
    from nas.abstract.scheduler import Peers as Peers
    from nas.abstract.scheduler import Promotion as Promotion
    from nas.abstract.scheduler import Scheduler as Scheduler
    from nas.abstract.scheduler import Standing as Standing
    from nas.abstract.scheduler import Verdict as Verdict
    from nas.abstract.scheduler import geometric_levels as geometric_levels
    from nas.abstract.space import Space as Space
    from nas.abstract.strategy import Problem as Problem
    from nas.abstract.strategy import Proposal as Proposal
    from nas.abstract.strategy import Strategy as Strategy
    from nas.abstract.use import Use as Use
    from nas.architecture import Architecture as Architecture
    from nas.archive import Archive as Archive
    from nas.archive.checking import examine as examine
    from nas.archive.import_csv import import_csv as import_csv
    from nas.archive.import_optuna import import_optuna as import_optuna
    from nas.archive.merging import merge as merge
    from nas.archive.pruning import vacuum as vacuum
    from nas.components import Component as Component
    from nas.config import Config as Config
    from nas.decisions import Categorical as Categorical
    from nas.decisions import Grid as Grid
    from nas.decisions import Integer as Integer
    from nas.engine.on_test_split import Tested as Tested
    from nas.engine.on_test_split import evaluate_on_test as evaluate_on_test
    from nas.engine.reproducing import Reproduced as Reproduced
    from nas.engine.reproducing import reproduce as reproduce
    from nas.engine.resume import resume as resume
    from nas.engine.retraining import Retrained as Retrained
    from nas.engine.retraining import train_again as train_again
    from nas.engine.search import Result as Result
    from nas.engine.search import search as search
    from nas.errors import ArchiveError as ArchiveError
    from nas.errors import CandidateError as CandidateError
    from nas.errors import ComponentError as ComponentError
    from nas.errors import ConfigError as ConfigError
    from nas.errors import ConformanceError as ConformanceError
    from nas.errors import DatasetError as DatasetError
    from nas.errors import ExportError as ExportError
    from nas.errors import NASError as NASError
    from nas.errors import NonFiniteError as NonFiniteError
    from nas.errors import NotApplicableError as NotApplicableError
    from nas.errors import PluginError as PluginError
    from nas.errors import SpaceError as SpaceError
    from nas.errors import StudyError as StudyError
    from nas.errors import TimeLimitError as TimeLimitError
    from nas.goals import Goal as Goal
    from nas.hookspecs import hookimpl as hookimpl
    from nas.named import curve_predictor as curve_predictor
    from nas.named import curve_prior as curve_prior
    from nas.named import dataset as dataset
    from nas.named import evaluator as evaluator
    from nas.named import exporter as exporter
    from nas.named import objective as objective
    from nas.named import predictor as predictor
    from nas.named import proxy as proxy
    from nas.named import scheduler as scheduler
    from nas.named import space as space
    from nas.named import strategy as strategy
    from nas.source import NetworkSource as NetworkSource
    from nas.trial import CurvePoint as CurvePoint
    from nas.trial import Failure as Failure
    from nas.trial import Measurement as Measurement
    from nas.trial import Ruling as Ruling
    from nas.trial import Status as Status
    from nas.trial import Trial as Trial

__version__ = "0.1.0"

PUBLIC = {
    "nas.abstract.aggregate": ("Aggregate",),
    "nas.abstract.checkpoint": (
        "Checkpoint",
        "Snapshot",
    ),
    "nas.abstract.dataset": (
        "Dataset",
        "Examples",
        "SearchData",
        "Split",
    ),
    "nas.abstract.evaluator": (
        "Evaluation",
        "Evaluator",
        "Report",
        "Task",
        "Use",
    ),
    "nas.abstract.exporter": (
        "Exporter",
        "FoundNetwork",
    ),
    "nas.abstract.learning_curve": (
        "CurvePosterior",
        "CurvePredictor",
        "CurvePrior",
        "CurveSamples",
    ),
    "nas.abstract.objective": (
        "AnalyticObjective",
        "MeasuredObjective",
        "Objective",
        "ReportedObjective",
    ),
    "nas.abstract.predictor": (
        "Prediction",
        "Predictor",
    ),
    "nas.abstract.proxy": (
        "Proxy",
        "SharingProxy",
        "score_together",
    ),
    "nas.abstract.scheduler": (
        "Contest",
        "Course",
        "Decision",
        "Level",
        "Peers",
        "Promotion",
        "Scheduler",
        "Standing",
        "Verdict",
        "geometric_levels",
    ),
    "nas.abstract.space": ("Space",),
    "nas.abstract.strategy": (
        "Problem",
        "Proposal",
        "Strategy",
    ),
    "nas.architecture": ("Architecture",),
    "nas.archive": ("Archive",),
    "nas.archive.checking": ("examine",),
    "nas.archive.import_csv": ("import_csv",),
    "nas.archive.import_optuna": ("import_optuna",),
    "nas.archive.merging": ("merge",),
    "nas.archive.pruning": ("vacuum",),
    "nas.components": ("Component",),
    "nas.config": ("Config",),
    "nas.decisions": (
        "Categorical",
        "Grid",
        "Integer",
    ),
    "nas.engine.on_test_split": (
        "Tested",
        "evaluate_on_test",
    ),
    "nas.engine.reproducing": (
        "Reproduced",
        "reproduce",
    ),
    "nas.engine.resume": ("resume",),
    "nas.engine.retraining": (
        "Retrained",
        "train_again",
    ),
    "nas.engine.search": (
        "Result",
        "search",
    ),
    "nas.errors": (
        "ArchiveError",
        "CandidateError",
        "ComponentError",
        "ConfigError",
        "ConformanceError",
        "DatasetError",
        "ExportError",
        "NASError",
        "NonFiniteError",
        "NotApplicableError",
        "PluginError",
        "SpaceError",
        "StudyError",
        "TimeLimitError",
    ),
    "nas.goals": ("Goal",),
    "nas.hookspecs": ("hookimpl",),
    "nas.named": (
        "curve_predictor",
        "curve_prior",
        "dataset",
        "evaluator",
        "exporter",
        "objective",
        "predictor",
        "proxy",
        "scheduler",
        "space",
        "strategy",
    ),
    "nas.source": ("NetworkSource",),
    "nas.trial": (
        "CurvePoint",
        "Failure",
        "Measurement",
        "Ruling",
        "Status",
        "Trial",
    ),
}
"""Where each public name is. A module is imported when one of its names is first asked for, so that
``nas --help`` and plugin packages, which ask for little, wait for neither numpy nor pydantic."""

_MODULE = {name: module for module, names in PUBLIC.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module 'nas' has no attribute {name!r}")
    value = getattr(import_module(_MODULE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE})
