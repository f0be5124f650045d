"""What a report says of a study, in words and tables."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas.archive.importing import imported_from
from nas.documents import to_toml
from nas.errors import NASError
from nas.pictures.trials import Subject
from nas.text import MISSING, budget_unit, count, duration, numbers, one_line, plain
from nas.trial import Trial

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.plugins import Plugins
    from nas.study import Study

FILE = "(file)"
"""What the archive calls the distribution of a plugin file."""
ROWS = 100
"""Rows of a table; the archive has all."""

FRONT = "No other complete trial within the bounds is better in one objective and worse in none."
NULL_LINES = (
    "A search is worth its cost if it beats random search at equal cost, and a score if it ranks "
    "networks better than their numbers of parameters and operations do."
)
NO_RANDOM = (
    "The archive has no study that searched this space for these objectives at random, on the same "
    "data and with the same evaluator, so nothing can be said of random search: search again into "
    'the same archive with strategy = "random" and without a filter.'
)
NO_SCORES = "No trained network has a score of a proxy or predictor: there is nothing to rank."

Facts = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """A table: ``right`` are the columns that are aligned to the right."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[int] = frozenset()
    note: str = ""


def front_trials(archive: Archive, subject: Subject) -> list[Trial]:
    """Return the front by first objective."""
    by_id = {trial.id: trial for trial in subject.trials}
    return [by_id[trial.id] for trial in archive.front(subject.study) if trial.id in by_id]


def search_facts(archive: Archive, study: Study, plugins: Plugins) -> Facts:
    """Return space, size, data, how it was evaluated and searched, and what it was given."""
    components = archive.components(study)
    facts: list[tuple[str, str]] = []
    for role in ("space", "dataset", "evaluator", "strategy", "scheduler", "proxy", "predictor"):
        used = [c for c in components if c.role == role]
        said = "; ".join(_component(c.name, c.parameters) for c in used)
        if said:
            facts.append((role, said))
        if role == "space":
            facts.append(("size", _size(archive, study, plugins)))
    stop = study.config.get("stop")
    limits = stop if isinstance(stop, Mapping) else {}
    given = [f"{value:g} {key}" for key, value in limits.items() if value is not None]
    if given:
        facts.append(("budget", " or ".join(given)))
    full = archive.budget(study)
    if full is not None:
        unit = budget_unit(archive.state(study).stages)
        facts.append(("a complete trial", count(full, unit)))
    seconds = sum(session.seconds for session in archive.sessions(study))
    facts.append(("searched for", duration(seconds)))
    return facts


def _component(name: str, parameters: Mapping[str, Any]) -> str:
    given = ", ".join(f"{plain(k)} = {plain(json.dumps(v))}" for k, v in parameters.items())
    return f"{plain(name)} ({given})" if given else plain(name)


def _size(archive: Archive, study: Study, plugins: Plugins) -> str:
    try:
        return count(archive.space(study, plugins=plugins).size, "architecture")
    except NASError as error:  # its plugin is not installed here
        return f"not known here: {one_line(error)}"


def objectives_table(study: Study) -> Table:
    """Return the objectives with direction, unit and bound."""
    rows = [
        [plain(goal.metric), goal.direction, plain(goal.unit) or MISSING, goal.bound() or MISSING]
        for goal in study.goals
    ]
    return Table("Objectives", ["metric", "aim", "unit", "bound"], rows)


def front_table(subject: Subject, trials: Sequence[Trial]) -> Table:
    """Return the front with its objectives."""
    columns, heads = [], []
    for goal in subject.study.goals:
        unit, shown = numbers([t.metrics.get(goal.metric) for t in trials], goal.unit)
        arrow = "↓" if goal.direction == "minimize" else "↑"
        heads.append(f"{plain(goal.metric)} {arrow}{f' ({plain(unit)})' if unit else ''}")
        columns.append(shown)
    rows = [
        [
            str(trial.id),
            *(column[i] for column in columns),
            duration(trial.seconds),
            plain(subject.texts.get(trial.id, "")),
        ]
        for i, trial in enumerate(trials[:ROWS])
    ]
    right = frozenset(range(len(columns) + 2))
    note = f"The first {ROWS} of {len(trials):,}." if len(trials) > ROWS else ""
    return Table("", ["trial", *heads, "took", "architecture"], rows, right, note)


def failure_tables(archive: Archive, subject: Subject) -> list[Table]:
    """Return failures by kind with the message of the first, and bounds that were broken."""
    first: dict[str, Trial] = {}
    for trial in subject.trials:
        if trial.failure is not None:
            first.setdefault(trial.failure.kind, trial)
    rows = [
        [plain(kind), f"{n:,}", str(first[kind].id), one_line(_message(first[kind]))]
        for kind, n in archive.failures(subject.study).items()
        if kind in first
    ]
    tables = []
    if rows:
        heads = ["kind", "trials", "such as trial", "message"]
        tables.append(Table("Failed trials", heads, rows, frozenset({1, 2})))
    away = [[plain(b), f"{n:,}"] for b, n in archive.turned_away(subject.study).items()]
    if away:
        heads = ["bound", "trials"]
        tables.append(Table("Turned away before training", heads, away, frozenset({1})))
    return tables


def _message(trial: Trial) -> str:
    return trial.failure.message if trial.failure is not None else ""


def provenance_facts(study: Study) -> Facts:
    """Return what a study's numbers follow from."""
    known = [("seed", str(study.seed)), ("window", count(study.window, "trial"))]
    return [*known, *([("evaluation", plain(study.evaluation))] if study.evaluation else [])]


def provenance_tables(archive: Archive, study: Study) -> list[Table]:
    """Return the components with their versions, the sessions, and what went wrong in them."""
    used = [
        [c.role, plain(c.name), plain(c.distribution), plain(c.version)]
        for c in archive.components(study)
    ]
    sessions = archive.sessions(study)
    runs = [
        [_time(s.began), duration(s.seconds), f"{s.status}: {plain(s.reason)}", plain(s.host)]
        for s in sessions
    ]
    incidents = [i for session in sessions for i in session.incidents]
    kinds = dict.fromkeys(i.kind for i in incidents)
    met = [
        [
            plain(kind),
            f"{sum(i.kind == kind for i in incidents):,}",
            next(one_line(i.message) for i in incidents if i.kind == kind),
        ]
        for kind in kinds
    ]
    tables = [
        Table("Components", ["role", "name", "installed by", "version"], used),
        Table("Sessions", ["began", "took", "ended", "on"], runs, frozenset({1})),
    ]
    if met:
        heads = ["kind", "times", "such as"]
        tables.append(Table("Incidents; what they met ran again", heads, met, frozenset({1})))
    return tables


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def reproduction(archive: Archive, study: Study) -> tuple[list[str], list[str]]:
    """Return what to do to search again, and what to copy: the config and the command."""
    components = archive.components(study)
    if imported_from(components):
        return ["It was not searched here: its trials were imported, see the config."], [
            to_toml(study.config)
        ]
    versions = {c.distribution: c.version for c in components if c.distribution != FILE}
    installed = ", ".join(f"{plain(k)} {plain(v)}" for k, v in versions.items())
    said = [f"Save this config as search.toml and run the command, with {installed or 'nas'}."]
    files = [c for c in components if c.distribution == FILE]
    if files:
        names = ", ".join(f"{plain(c.name)} ({plain(c.version)})" for c in files)
        said.append(f"These came from plugin files, which are needed as well: {names}.")
    said.append(
        "The same config and seed give the same trials in the same order, as far as training "
        "itself gives the same numbers on the same machine."
    )
    more = " --plugin FILE.py" if files else ""
    return said, [to_toml(study.config), f"nas search search.toml --archive again.db{more}"]
