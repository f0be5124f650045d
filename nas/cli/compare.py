"""``nas compare``: studies against each other."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.choosing import ObjectiveNames, Reference, objectives_of, reference_of
from nas.cli.options import AsCsv, AsJson, PluginFiles
from nas.cli.output import Column, Listing, check_formats, print_csv, print_json, stdout
from nas.cli.plugins import load_plugins
from nas.cli.tables import print_table
from nas.errors import ConfigError
from nas.text import count, duration, number, plain

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.archive.progress import Progress
    from nas.benchmark.compare import Checkpoint, Comparison
    from nas.benchmark.statistics import Estimate
    from nas.goals import Goal
    from nas.study import Study

Meant = tuple["Archive", "Study"]

_Studies = Annotated[
    list[str],
    typer.Argument(
        metavar="[ARCHIVE] STUDY...",
        help="Of the archive before them, or ARCHIVE:STUDY. Patterns such as 'random-*' too.",
    ),
]


def compare(
    studies: _Studies,
    objectives: ObjectiveNames = None,
    reference: Reference = None,
    plugin: PluginFiles = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Compare studies at equal trials and at equal seconds spent.

    Of one objective the best value so far, of several the hypervolume, at 25, 50, 75 and 100 % of
    the shortest study. Seconds are those of evaluating and choosing, added up whatever the number
    of workers. Studies that differ in the seed only are taken together: with two seeds or more on
    both sides, the difference has a 95 % interval, paired by seed.
    """
    from nas.benchmark.compare import compare as compared

    check_formats(as_json, as_csv)
    with ExitStack() as opened:
        meant = _meant(studies, opened)
        found = compared(_runs(meant, objectives_of(objectives), plugin), reference_of(reference))
    if as_json:
        print_json(_document(found))
    elif as_csv:
        rows = _rows(found)
        print_csv(list(rows[0]), rows)
    else:
        _print(found)


def _meant(words: Sequence[str], opened: ExitStack) -> list[Meant]:
    """Return the studies that are meant, each once, with their archives."""
    from nas import Archive

    archives: dict[str, Archive] = {}

    def archive(path: str) -> Archive:
        if path not in archives:
            archives[path] = opened.enter_context(Archive(path))
        return archives[path]

    first, *rest = words
    has_archive = _split(first) is None
    found: dict[tuple[str, str], Meant] = {}
    for word in rest if has_archive else words:
        split = _split(word)
        if split is None and not has_archive:
            raise ConfigError(
                f"{word!r}: of which archive? Write ARCHIVE:STUDY, or an archive before all studies"
            )
        path, name = split or (first, word)
        for study in _named(archive(path), name):
            found[path, study.name] = (archive(path), study)
    if len(found) < 2:
        raise ConfigError(f"nas compare needs two studies at least, not {len(found)}")
    return list(found.values())


def _split(word: str) -> tuple[str, str] | None:
    """Return archive and study of ``archive:study``, if there is such a file."""
    places = [i for i, character in enumerate(word) if character == ":"]
    return next(((word[:i], word[i + 1 :]) for i in places if Path(word[:i]).is_file()), None)


def _named(archive: Archive, name: str) -> list[Study]:
    """Return the study of that name, or those that fit a pattern."""
    studies = archive.studies()
    if name not in {study.name for study in studies}:
        fitting = [study for study in studies if fnmatch.fnmatchcase(study.name, name)]
        if fitting:
            return fitting
    return [archive.study(name)]


def _runs(
    meant: Sequence[Meant], objectives: Sequence[str] | None, plugin: Sequence[str] | None
) -> list[Progress]:
    from nas.archive.objectives import common_goals, goals_of, offered_goals

    studies = [study for _, study in meant]
    goals: Sequence[Goal]
    if objectives is None:
        goals = common_goals(studies)
    else:
        sql = "SELECT name FROM metric_names"
        metrics = dict.fromkeys(name for archive, _ in meant for (name,) in archive.query(sql)[1])
        plugins = load_plugins(plugin)
        goals = goals_of(objectives, studies, (), list(metrics), lambda: offered_goals(plugins))
    return [archive.progress(study, objectives=goals) for archive, study in meant]


def _document(found: Comparison) -> dict[str, Any]:
    from nas.archive.comparing import in_own_units

    def checkpoint(one: Checkpoint) -> dict[str, Any]:
        ahead = None if one.ahead is None else found.sides[one.ahead].label
        return {**asdict(one), "ahead": ahead}

    return {
        "sides": [
            {"label": side.label, "studies": [_study(run) for run in side.runs.values()]}
            for side in found.sides
        ],
        "objectives": [asdict(goal) for goal in found.goals],
        "of": found.kind,
        "reference": in_own_units(found.goals, found.reference),
        "same_evaluation": found.same,
        "trials": [checkpoint(one) for one in found.by_trials],
        "seconds": [checkpoint(one) for one in found.by_seconds],
    }


def _study(run: Progress) -> dict[str, Any]:
    study = run.study
    trials, seconds = len(run.numbers), float(run.seconds[-1])
    about = {"study": study.name, "archive": study.archive, "seed": study.seed}
    return {**about, "trials": trials, "seconds": seconds}


def _rows(found: Comparison) -> list[dict[str, Any]]:
    """Return a flat row a checkpoint and side."""
    from nas.benchmark.statistics import Estimate

    none = Estimate(0)
    return [
        {
            "equal": equal,
            "share": one.share,
            "at": one.at,
            "side": side.label,
            **asdict(one.found[i]),
            "ahead": one.ahead == i,
            **{f"gain_{k}": v for k, v in asdict((none, *one.gains)[i]).items()},
        }
        for equal, points in (("trials", found.by_trials), ("seconds", found.by_seconds))
        for one in points
        for i, side in enumerate(found.sides)
    ]


def _print(found: Comparison) -> None:
    console = stdout()
    names = " and ".join(_side(found, i) for i in range(len(found.sides)))
    console.print(f"{names}: {_what(found)}", style="bold")
    if not found.same:
        told = "they do not evaluate in the same way: values may differ by that"
        console.print(told, style="dim")
    for title, points in (("trials", found.by_trials), ("seconds spent", found.by_seconds)):
        console.print(f"\nAt equal {title}", style="bold")
        rows = [_row(found, one, title == "trials") for one in points]
        columns = [Column("at", title.split()[0], right=True)]
        columns += [
            Column(f"found{i}", plain(s.label), right=True) for i, s in enumerate(found.sides)
        ]
        columns += [
            Column(f"gain{i}", f"{plain(found.sides[0].label)} better\nthan {plain(s.label)} by")
            for i, s in enumerate(found.sides)
            if i
        ]
        print_table(Listing([*columns, Column("ahead")], rows), console)


def _side(found: Comparison, i: int) -> str:
    side = found.sides[i]
    seeds = f" ({count(len(side.runs), 'seed')})" if len(side.runs) > 1 else ""
    return f"{plain(side.label)}{seeds}"


def _what(found: Comparison) -> str:
    from nas.archive.comparing import in_own_units

    if found.kind == "best":
        goal = found.goals[0]
        best = "lowest" if goal.direction == "minimize" else "highest"
        return f"{best} {plain(goal.metric)} so far"
    own = in_own_units(found.goals, found.reference)
    up_to = ", ".join(f"{plain(name)} {value:.6g}" for name, value in own.items())
    return f"hypervolume up to {up_to}"


def _row(found: Comparison, one: Checkpoint, of_trials: bool) -> dict[str, Any]:
    at = f"{one.at:,.0f}" if of_trials else _seconds(one.at)
    ahead = "equal" if one.ahead is None else plain(found.sides[one.ahead].label)
    if one.found[0].mean is None and one.ahead is None:
        ahead = "-"
    certain = [gain.low is not None and gain.low * (gain.high or 0) > 0 for gain in one.gains]
    return {
        "at": f"{at} ({one.share:.0%})",
        **{f"found{i}": _mean(of) for i, of in enumerate(one.found)},
        **{f"gain{i}": _interval(gain) for i, gain in enumerate(one.gains, 1)},
        "ahead": f"{ahead}{'' if all(certain) or one.ahead is None else ', not certain'}",
    }


def _mean(of: Estimate) -> str:
    return "-" if of.mean is None else f"{of.mean:.5g}"


def _interval(gain: Estimate) -> str:
    if gain.mean is None:
        return "-"
    if gain.low is None or gain.high is None:
        return f"{gain.mean:+.4g} (one seed)"
    return f"{gain.mean:+.4g} ({gain.low:+.3g} to {gain.high:+.3g})"


def _seconds(seconds: float) -> str:
    return duration(seconds) if seconds >= 1 else number(seconds, "s")
