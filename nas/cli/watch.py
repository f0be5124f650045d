"""What a person sees of a running search, all of it on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from nas.cli.output import Listing, objective_column, stderr
from nas.cli.rows import ID
from nas.cli.tables import table
from nas.cli.watch_text import (
    details,
    ending,
    headline,
    how_far,
    in_flight,
    stopped_now,
    stuck,
    trial_line,
)
from nas.closing import Closing
from nas.engine.progress import Plan, Progress
from nas.text import count, one_line, plain
from nas.trial import Status, Trial

if TYPE_CHECKING:
    from rich.console import RenderableType

    from nas.goals import Goal
    from nas.study import Study

LINES_A_SECOND = 5
"""Trials that get a line of their own; when they come faster, there is a summary now and then."""
SUMMARY_EVERY = 5.0
"""Seconds."""
FRONT_ROWS = 8
"""Rows of the front that a running search shows."""


class Silent(Closing):
    """Shows nothing. The base of the other two; each ends its display however a search ends."""

    def close(self) -> None:
        """End the display."""

    def started(self, study: Study, plan: Plan) -> None:
        """A session begins."""

    def progress(self, progress: Progress) -> None:
        """Something changed, or some time has passed."""

    def finished(self, study: Study, reason: str) -> None:
        """The session has ended."""


class Lines(Silent):
    """A line a trial, for log files."""

    def __init__(self) -> None:
        self._goals: tuple[Goal, ...] = ()
        self._plan: Plan | None = None
        self._latest: Progress | None = None
        self._second, self._lines = 0, 0
        self._unsaid, self._summarised = 0, 0.0
        self._stuck = ""
        self._stopped = 0

    def started(self, study: Study, plan: Plan) -> None:
        """Say what is searched, where, and for how long."""
        self._goals, self._plan = study.goals, plan
        self._summarised = time.monotonic()
        _say(headline(study, plan))

    def progress(self, progress: Progress) -> None:
        """Give a line to each new trial, or to many at once."""
        self._latest = progress
        self._stopped += stopped_now(progress)
        now = time.monotonic()
        if int(now) != self._second:
            self._second, self._lines = int(now), 0
        on_front = {trial.number for trial in progress.front}
        # infeasible ones were not evaluated: they are counted among the candidates turned away
        for trial in progress.new:
            if trial.status is Status.INFEASIBLE:
                continue
            if self._lines < LINES_A_SECOND:
                self._lines += 1
                _say(trial_line(trial, self._goals, on_front=trial.number in on_front))
            else:
                self._unsaid += 1
        if progress.stuck != self._stuck:
            self._stuck = progress.stuck
            _say(stuck(progress) if progress.stuck else "Trials can run again.")
        for incident in () if progress.simulated else progress.met:  # there may be thousands
            _say(f"{plain(incident.kind)} incident: {one_line(incident.message)}")
        if progress.doing and now - self._summarised >= SUMMARY_EVERY:
            self._summarised = now
            _say(one_line(progress.doing))
        if self._unsaid and now - self._summarised >= SUMMARY_EVERY:
            self._summarise(now)

    def finished(self, study: Study, reason: str) -> None:
        """Say why it ended."""
        _say(ending(reason, self._latest, self._stopped))

    def _summarise(self, now: float) -> None:
        assert self._latest is not None
        self._unsaid, self._summarised = 0, now
        latest = self._latest
        parts = [how_far(latest, self._plan, latest.seconds), in_flight(latest)]
        parts += details(latest, self._stopped)
        _say(f"{'; '.join(parts)}; front of {len(latest.front)}")


class Display(Silent):
    """Progress bar, failures and the front so far, redrawn in place on a terminal."""

    def __init__(self) -> None:
        from rich.live import Live

        self._study: Study | None = None
        self._plan: Plan | None = None
        self._latest: Progress | None = None
        self._began, self._stopped = 0.0, 0
        self._console = stderr()
        self._live = Live(
            console=self._console,
            get_renderable=self._render,
            refresh_per_second=4,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def close(self) -> None:
        """Clear the display."""
        self._live.stop()

    def started(self, study: Study, plan: Plan) -> None:
        """Show the bar."""
        self._study, self._plan, self._began = study, plan, time.monotonic()

    def progress(self, progress: Progress) -> None:
        """Remember it; the display asks several times a second."""
        self._latest = progress
        self._stopped += stopped_now(progress)

    def finished(self, study: Study, reason: str) -> None:
        """Leave one line behind."""
        self.close()
        self._console.print(ending(reason, self._latest, self._stopped))

    def _render(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        study, plan, latest = self._study, self._plan, self._latest
        if study is None or plan is None:
            return Text("Starting ...", style="dim")
        parts: list[RenderableType] = [Text(headline(study, plan), style="bold")]
        latest = latest or Progress(new=(), done=plan.resumed)
        parts.append(self._bar(latest, plan))
        met = [in_flight(latest), *details(latest, self._stopped)]
        parts += [Text(line, style="dim") for line in met]
        if latest.doing:
            parts.append(Text(one_line(latest.doing)))
        if latest.stuck:
            parts.append(Text(stuck(latest), style="yellow"))
        if latest.front:
            parts += [Text(), *self._front(study.goals, latest.front)]
        return Group(*parts)

    def _bar(self, latest: Progress, plan: Plan) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        seconds = latest.seconds if latest.simulated else time.monotonic() - self._began
        total, completed = _share(latest, plan, seconds)
        grid = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=total, completed=completed, width=28)
        grid.add_row(bar, Text(how_far(latest, plan, seconds)))
        return grid

    def _front(self, goals: Sequence[Goal], front: Sequence[Trial]) -> list[RenderableType]:
        from rich.text import Text

        rows = [{"id": trial.id, **trial.metrics} for trial in front[:FRONT_ROWS]]
        columns = [ID, *map(objective_column, goals)]
        grid = table(Listing(columns, rows), self._console.width)
        more = len(front) - len(rows)
        left = f", {len(rows)} shown" if more else ""
        return [Text(f"Front: {count(len(front), 'trial')}{left}", style="bold"), grid]


def watcher(*, quiet: bool) -> Silent:
    """Choose: nothing, a display on a terminal, or lines."""
    if quiet:
        return Silent()
    console = stderr()
    return Display() if console.is_terminal and not console.is_dumb_terminal else Lines()


def _share(progress: Progress, plan: Plan, seconds: float) -> tuple[float | None, float]:
    """Return total and completed of whichever limit is nearer; no total if neither is known."""
    shares: list[tuple[float, float]] = []
    if plan.stop_trials:
        shares.append((plan.stop_trials, progress.done))
    if plan.stop_budget and progress.budget is not None:
        shares.append((plan.stop_budget, min(progress.budget, plan.stop_budget)))
    if plan.stop_seconds:
        shares.append((plan.stop_seconds, min(seconds, plan.stop_seconds)))
    return max(shares, key=lambda pair: pair[1] / pair[0]) if shares else (None, 0.0)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
