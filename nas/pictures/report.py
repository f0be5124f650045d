"""One page to send that says what a study has found, and how."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nas.errors import ArchiveError, ConfigError, NASError
from nas.pictures import report_parts as parts
from nas.pictures.figure import Figure, short
from nas.pictures.page import render, with_scripts
from nas.pictures.report_parts import Facts, Table
from nas.pictures.trials import Subject
from nas.text import count, plain

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.engine.comparison import Comparison
    from nas.plugins import Plugins
    from nas.study import Study

DRAWN = 12
"""Architectures of the front that are drawn."""


@dataclass(frozen=True)
class NullLines:
    """How a study stands beside what it must beat.

    Args:
        random: it and random search, at equal trials and at equal seconds; empty if the archive
            has no such study.
        ranked: how scores ranked its trained networks.
        verdicts: what is to be said of that, by objective.
    """

    random: Sequence[Table] = ()
    ranked: Comparison | None = None
    verdicts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Args:
        id: what links to it name.
        title: above it.
        said: sentences below the title.
        facts: names and values.
        tables: with a heading each.
        drawings: SVG documents with what stands below each.
        figures: numbers of the page's figures.
        code: blocks to copy.
    """

    id: str
    title: str
    said: Sequence[str] = ()
    facts: Facts = ()
    tables: Sequence[Table] = ()
    drawings: Sequence[tuple[str, str]] = ()
    figures: Sequence[int] = ()
    code: Sequence[str] = ()


def report_page(
    archive: Archive,
    study: Study,
    *,
    plugins: Plugins,
    null_lines: NullLines | None = None,
    saved: str = "",
) -> str:
    """Return the page as HTML that needs no other file.

    Args:
        archive: has the study.
        study: which one.
        plugins: those to draw architectures with.
        null_lines: what the study must beat.
        saved: what a scheduler has saved, in a sentence.

    Raises:
        ArchiveError: the study has no trial.
        ConfigError: plotly or jinja2 are not installed.
    """
    from nas import __version__

    subject = Subject.read(archive, study)
    if not subject.trials:
        raise ArchiveError(f"study {study.name!r} has no trial yet: there is nothing to report")
    page = _Page(archive, subject, plugins)
    sections = [
        page.searched(),
        page.front(),
        page.course(),
        page.lines_to_beat(null_lines or NullLines()),
        page.failures(),
        *([Section("savings", "What stopping saved", [saved])] if saved else []),
        page.provenance(),
        page.again(),
    ]
    values: dict[str, Any] = {
        **with_scripts([figure.without_title() for figure in page.figures]),
        "title": f"Report of {short(study.name)}",
        "summary": page.summary(),
        "sections": sections,
        "captions": [figure.captions for figure in page.figures],
        "written": time.strftime("%d %B %Y, %H:%M", time.localtime()),
        "version": __version__,
        "archive": plain(archive.path.name),
    }
    return render("report.html", values)


class _Page:
    """What is on the page; ``figures`` are numbered as they come."""

    def __init__(self, archive: Archive, subject: Subject, plugins: Plugins) -> None:
        self._archive, self._subject, self._plugins = archive, subject, plugins
        self._study = subject.study
        self.figures: list[Figure] = []

    def summary(self) -> str:
        """Say in a sentence what became of the study."""
        found = parts.front_trials(self._archive, self._subject)
        state = self._archive.state(self._study)
        tried, complete = count(len(self._subject.trials), "trial"), len(self._subject.complete)
        ended = f"{state.status}: {state.reason}" if state.reason else state.status
        return (
            f"{tried}, {complete:,} of them complete, {len(found):,} on the front. "
            f"The search is {plain(ended)}."
        )

    def searched(self) -> Section:
        """Say what was searched."""
        facts = parts.search_facts(self._archive, self._study, self._plugins)
        table = parts.objectives_table(self._study)
        return Section("searched", "What was searched", facts=facts, tables=[table])

    def front(self) -> Section:
        """Show the front: as a plot, as a table, and its architectures."""
        from nas.pictures.front import MOST, front_figure

        trials = parts.front_trials(self._archive, self._subject)
        if not trials:
            return Section("front", "The front", ["The front is empty: no trial is feasible yet."])
        said = [parts.FRONT]
        goals = self._study.goals
        drawn: list[int] = []
        if 2 <= len(goals) <= MOST:
            drawn = self._figure(lambda: front_figure(self._archive, self._study), said)
        elif len(goals) > MOST:
            first = ",".join(goal.metric for goal in goals[:MOST])
            said.append(f"The plot is over the first {MOST} of {len(goals)} objectives.")
            drawn = self._figure(
                lambda: front_figure(self._archive, self._study, objectives=first), said
            )
        drawings = self._drawings(said)
        table = parts.front_table(self._subject, trials)
        return Section("front", "The front", said, tables=[table], drawings=drawings, figures=drawn)

    def course(self) -> Section:
        """Show how it came about: the best so far, and the learning curves."""
        from nas.pictures.curves import Wanted, gather
        from nas.pictures.curves_figure import curves_figure
        from nas.pictures.history import history_figure

        said: list[str] = []
        archive, study = self._archive, self._study
        drawn = self._figure(lambda: history_figure(archive, study), said)
        drawn += self._figure(lambda: curves_figure(gather(archive, study, Wanted())), said)
        return Section("course", "How it came about", said, figures=drawn)

    def lines_to_beat(self, lines: NullLines) -> Section:
        """Compare with random search and with the number of parameters."""
        from nas.pictures.rank import compared_figure

        said = [parts.NULL_LINES]
        if not lines.random:
            said.append(parts.NO_RANDOM)
        drawn: list[int] = []
        ranked = lines.ranked
        if ranked is not None and ranked.objectives:
            said += [f"{plain(metric)}: {verdict}." for metric, verdict in lines.verdicts.items()]
            drawn = self._figure(lambda: compared_figure(self._study, ranked), said)
        else:
            said.append(parts.NO_SCORES)
        return Section("null", "Beside the null lines", said, tables=lines.random, figures=drawn)

    def failures(self) -> Section:
        """Say what failed, and what was turned away."""
        tables = parts.failure_tables(self._archive, self._subject)
        said = [] if tables else ["No trial failed, and none was turned away."]
        return Section("failures", "What failed", said, tables=tables)

    def provenance(self) -> Section:
        """Say what it was made with, by whom and when."""
        tables = parts.provenance_tables(self._archive, self._study)
        facts = parts.provenance_facts(self._study)
        return Section("provenance", "Provenance", facts=facts, tables=tables)

    def again(self) -> Section:
        """Say how to do it again."""
        said, code = parts.reproduction(self._archive, self._study)
        return Section("again", "How to do it again", said, code=code)

    def _figure(self, make: Callable[[], Figure], said: list[str]) -> list[int]:
        """Make a figure and return its number; say why there is none."""
        try:
            figure = make()
        except (ArchiveError, ConfigError) as error:
            said.append(f"Not drawn: {plain(error)}")
            return []
        self.figures.append(figure)
        return [len(self.figures) - 1]

    def _drawings(self, said: list[str]) -> list[tuple[str, str]]:
        """Draw the architectures on the front; say why if they cannot be."""
        from markupsafe import Markup

        from nas.pictures.architecture import svg_of
        from nas.pictures.trials import with_text

        trials = parts.front_trials(self._archive, self._subject)
        drawings: list[tuple[str, str]] = []
        try:
            space = self._archive.space(self._study, plugins=self._plugins)
            for trial in trials[:DRAWN]:
                svg = svg_of(space, trial.architecture, f"Architecture of trial {trial.id}")
                words = with_text(self._study, trial, self._subject.texts.get(trial.id, ""))
                drawings.append((Markup(svg), f"Trial {trial.id}: {words}"))
        except NASError as error:  # the numbers are worth sending where the space is not installed
            said.append(f"The architectures are not drawn: {plain(error)}")
        if len(trials) > DRAWN and drawings:
            said.append(f"The first {DRAWN} of {len(trials):,} architectures are drawn.")
        return drawings
