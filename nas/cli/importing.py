"""``nas import``: trials from a table, or from Optuna."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.options import AsJson, Assignments, PluginFiles, parameters
from nas.cli.output import print_json, stdout
from nas.cli.plugins import load_plugins
from nas.errors import ConfigError
from nas.text import count, plain

if TYPE_CHECKING:
    from nas.archive.importing import Imported

_OPTIONS = {
    "architecture": "--architecture",
    "metrics": "--metric",
    "all_metrics": "--all-metrics",
    "optuna_study": "--optuna-study",
    "mapping": "--map",
    "ignore": "--ignore",
    "skip_others": "--skip-others",
}
"""Options that only one source has, by parameter."""

Texts = list[str] | None


_Csv = Annotated[
    str | None, typer.Option("--csv", metavar="FILE", help="A table: a row is a trial.")
]
_Optuna = Annotated[
    str | None,
    typer.Option("--optuna", metavar="STORAGE", help="URL, or path of an SQLite or journal file."),
]
_OptunaStudy = Annotated[
    str | None, typer.Option("--optuna-study", metavar="NAME", help="Which study there.")
]
_Space = Annotated[
    str | None, typer.Option("--space", metavar="NAME", help="That the architectures are of.")
]
_Like = Annotated[
    str | None,
    typer.Option("--like", metavar="STUDY", help="The space of a study of ARCHIVE instead."),
]
_Objectives = Annotated[
    Texts,
    typer.Option(
        "--objective",
        metavar="NAME:min",
        help="A column; or what Optuna's values are, in order. NAME:max: more is better. "
        "Repeatable.",
    ),
]
_Study = Annotated[
    str | None, typer.Option("--study", metavar="NAME", help="What to call the new study.")
]
_Architecture = Annotated[
    str | None,
    typer.Option(
        "--architecture", metavar="COLUMN", help="With architectures; default: architecture."
    ),
]
_Metrics = Annotated[
    Texts, typer.Option("--metric", metavar="COLUMN", help="To keep as well. Repeatable.")
]
_AllMetrics = Annotated[bool, typer.Option("--all-metrics", help="Keep all columns of numbers.")]
_Mapped = Annotated[
    Texts,
    typer.Option("--map", metavar="PARAMETER=DECISION", help="Where names differ. Repeatable."),
]
_Ignored = Annotated[
    Texts,
    typer.Option(
        "--ignore", metavar="PARAMETER", help="It decides nothing about networks. Repeatable."
    ),
]
_SkipOthers = Annotated[
    bool, typer.Option("--skip-others", help="Leave out trials that the space does not have.")
]


def import_trials(
    archive: Annotated[
        str, typer.Argument(metavar="ARCHIVE", help="The SQLite file; new, or to add to.")
    ],
    csv: _Csv = None,
    optuna: _Optuna = None,
    optuna_study: _OptunaStudy = None,
    space: _Space = None,
    like: _Like = None,
    assignments: Assignments = None,
    objective: _Objectives = None,
    study: _Study = None,
    architecture: _Architecture = None,
    metric: _Metrics = None,
    all_metrics: _AllMetrics = False,
    mapped: _Mapped = None,
    ignore: _Ignored = None,
    skip_others: _SkipOthers = False,
    plugin: PluginFiles = None,
    as_json: AsJson = False,
) -> None:
    """Add trials from a CSV file or from Optuna.

    They become a new study: all, or none. --set space.KEY=VALUE sets a parameter of the space.
    """
    common = {
        "objectives": objective or (),
        "space": space,
        "parameters": _of_space(parameters(assignments)),
        "like": like,
        "study": study,
    }
    of_csv = {"architecture": architecture, "metrics": metric or (), "all_metrics": all_metrics}
    of_optuna = {
        "optuna_study": optuna_study,
        "mapping": _pairs(mapped),
        "ignore": ignore or (),
        "skip_others": skip_others,
    }
    _check_source(csv, optuna, of_csv, of_optuna)
    source = {"csv": csv, **of_csv} if csv is not None else {"optuna": optuna, **of_optuna}
    _print(_import(archive, {**common, "plugins": load_plugins(plugin)}, **source), as_json)


def _import(
    archive: str,
    common: Mapping[str, Any],
    *,
    csv: str | None = None,
    optuna: str | None = None,
    optuna_study: str | None = None,
    **options: Any,
) -> Imported:
    if csv is not None:
        from nas.archive.import_csv import import_csv

        return import_csv(archive, csv, **common, **options)
    from nas.archive.import_optuna import import_optuna

    if optuna is None or optuna_study is None:
        raise ConfigError("--optuna-study NAME says which of the storage's studies")
    return import_optuna(archive, optuna, optuna_study, **common, **options)


def _check_source(
    csv: str | None, optuna: str | None, of_csv: Mapping[str, Any], of_optuna: Mapping[str, Any]
) -> None:
    if (csv is None) == (optuna is None):
        raise ConfigError("say what to import: --csv FILE or --optuna STORAGE")
    source, others = ("--optuna", of_csv) if csv is None else ("--csv", of_optuna)
    for name, value in others.items():
        if value:
            raise ConfigError(f"{_OPTIONS[name]} has no meaning with {source}")


def _of_space(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key.removeprefix("space."): value for key, value in given.items()}


def _pairs(texts: Sequence[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts or ():
        name, separator, decision = text.partition("=")
        if not (name and separator and decision):
            raise ConfigError(f"--map {text!r}: write PARAMETER=DECISION, such as lr=hyper.lr")
        found[name] = decision
    return found


def _print(done: Imported, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "study": done.study.name,
                "archive": done.study.archive,
                "trials": {str(status): n for status, n in done.trials.items()},
                "front": done.front,
                "skipped": done.skipped,
                "unused": done.unused,
            }
        )
        return
    console = stdout()
    by_status = ", ".join(f"{status} {n:,}" for status, n in done.trials.items())
    console.print(
        f"Study {plain(done.study.name)}: {count(sum(done.trials.values()), 'trial')} imported"
        f"{f' ({by_status})' if by_status else ''}, {done.front:,} on the front",
        soft_wrap=True,
    )
    if done.skipped:
        console.print(f"Left out: {count(done.skipped, 'trial')}", soft_wrap=True)
    if done.unused:
        console.print(f"Not taken: {', '.join(map(plain, done.unused))}", soft_wrap=True)
