"""What ``nas score`` shows: the best networks, what they must beat, and what it took."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cli.output import Column, Listing, print_csv, print_json, stdout
from nas.cli.score_targets import DEFAULT_DATA, Target
from nas.cli.tables import print_table
from nas.engine.bulk import Bulk, BulkProgress, known_scores, value_of
from nas.engine.comparison import LINES_TO_BEAT, analytic
from nas.engine.proxy_tree import values
from nas.errors import CandidateError
from nas.text import count, duration, number, one_line, plain
from nas.trial import Failure

if TYPE_CHECKING:
    from nas.architecture import Architecture
    from nas.plugins import Plugins

_UNITS = {"params": "parameters", "flops": "FLOP"}


class ScoreOutput:
    """Shows what an archive knows of some architectures.

    Args:
        bulk: how they were scored.
        target: what was asked for.
        plugins: those to count parameters and operations with.
        archive: path of the archive.
    """

    def __init__(self, bulk: Bulk, target: Target, plugins: Plugins, archive: str) -> None:
        self._bulk, self._target = bulk, target
        self._plugins, self._archive = plugins, archive

    def write(self, wanted: Sequence[Architecture], data: str | None, *, as_csv: bool) -> None:
        """Write everything for machines."""
        rows = self._rows(wanted, len(wanted))
        listing = self._listing(rows)
        if as_csv:
            print_csv(listing.keys, listing.rows)
            return
        bulk, known = self._bulk, self._target.data
        used = data or (known.name if known else DEFAULT_DATA)
        print_json(
            {
                "space": self._target.space.name,
                "data": used if bulk.data is not None else None,
                "batch": {k: p.batch for k, p in bulk.proxies.items() if p.needs_data},
                "seed": bulk.seed,
                "repeats": bulk.repeats,
                "architectures": listing.records(),
            }
        )

    def print(
        self, wanted: Sequence[Architecture], done: BulkProgress, n: int | None, top: int
    ) -> None:
        """Print the best, those without a score, and what it took."""
        rows, console = self._rows(wanted, top), stdout()
        console.print(self._title(len(rows)), style="bold")
        if n is not None and len(rows) < n:
            said = f"{n:,} were asked for: no more different ones were found"
            console.print(said, style="yellow")
        print_table(self._listing(rows[:top]), console)
        if len(rows) > top:
            console.print(f"… and {len(rows) - top:,} more: --top, --csv or --json", style="dim")
        _print_failures(rows, top)
        console.print(
            f"\n{_effort(done)}; kept in {plain(self._archive)}", style="dim", soft_wrap=True
        )
        if self._target.study is not None and self._beside_the_trials():
            from nas.cli.rank import print_rankings

            print_rankings(self._archive, self._target.study, self._plugins)

    def _beside_the_trials(self) -> bool:
        """Whether scores are kept where the trials are, so that they can be compared."""
        trials = self._target.archive
        return trials is not None and Path(trials).resolve() == Path(self._archive).resolve()

    def _title(self, rows: int) -> str:
        needy = {p.batch for p in self._bulk.proxies.values() if p.needs_data}
        sizes = " and ".join(f"{size:,}" for size in sorted(needy))
        on = f" on {sizes} samples" if self._bulk.data is not None else ""
        return f"{count(rows, 'architecture')} of {plain(self._target.title)}{on}"

    def _rows(self, wanted: Sequence[Architecture], counted: int) -> list[dict[str, Any]]:
        """Return a row an architecture, the best by the first proxy first.

        Args:
            wanted: the architectures.
            counted: so many of the rows have parameters and operations.
        """
        known = known_scores(self._bulk, self._archive)
        columns = self._columns(wanted, known)
        first = f"proxy:{self._bulk.trees[0].name}"
        rows = [
            self._row(architecture, {name: of[i] for name, of in columns.items()}, known)
            for i, architecture in enumerate(wanted)
        ]
        pairs = list(zip(rows, wanted, strict=True))
        pairs.sort(key=lambda pair: (pair[0][first] is None, -(pair[0][first] or 0.0)))
        for row, architecture in pairs[:counted]:
            self._count(row, architecture)
        return [row for row, _ in pairs]

    def _columns(
        self, wanted: Sequence[Architecture], known: Mapping[str, Mapping[Architecture, Any]]
    ) -> dict[str, list[float]]:
        """Return the scores of what was asked for, then those of the parts of aggregates."""
        single = {name: [value_of(of.get(a)) for a in wanted] for name, of in known.items()}
        asked = {tree.name: values(tree, single).tolist() for tree in self._bulk.trees}
        return {**asked, **{name: of for name, of in single.items() if name not in asked}}

    def _row(
        self,
        architecture: Architecture,
        scores: Mapping[str, float],
        known: Mapping[str, Mapping[Architecture, Any]],
    ) -> dict[str, Any]:
        space = self._bulk.built
        failures = {name: of.get(architecture) for name, of in known.items()}
        return {
            **{f"proxy:{k}": None if math.isnan(v) else v for k, v in scores.items()},
            "architecture": space.format(architecture),
            "canonical_id": space.canonical_id(architecture),
            "decisions": dict(architecture),
            "failures": {k: f.message for k, f in failures.items() if isinstance(f, Failure)},
        }

    def _count(self, row: dict[str, Any], architecture: Architecture) -> None:
        for name, objective in analytic(self._plugins).items():
            try:
                row[name] = objective.of_network(self._bulk.built, architecture)
            except CandidateError as error:
                row[name] = None
                row["failures"].setdefault(name, str(error))

    def _listing(self, rows: Sequence[Mapping[str, Any]]) -> Listing:
        names = [tree.name for tree in self._bulk.trees]
        names += [name for name in self._bulk.proxies if name not in names]
        beside = [name for name in LINES_TO_BEAT if any(name in row for row in rows)]
        columns = [
            *(Column(f"proxy:{name}", plain(name), number=True) for name in names),
            *(Column(name, name, _UNITS[name], number=True, optional=True) for name in beside),
            Column("architecture"),
        ]
        return Listing(columns, rows, also=("canonical_id", "decisions", "failures"))


def _print_failures(rows: Sequence[Mapping[str, Any]], top: int) -> None:
    console = stdout()
    failed = [row for row in rows if row["failures"]]
    for row in failed[:top]:
        console.print(f"\n✗ {plain(row['architecture'])}", style="red", soft_wrap=True)
        for name, why in row["failures"].items():
            console.print(f"  {plain(name)}: {one_line(why)}")
    if len(failed) > top:
        more = count(len(failed) - top, "more architecture")
        console.print(f"\n… and {more} without some score", style="red")


def _effort(done: BulkProgress) -> str:
    """Say what it took."""
    if not done.scored:
        return f"all {done.known:,} were scored before"
    said = (
        f"{count(done.scored, 'architecture')} in {duration(done.seconds)}, "
        f"{done.rate:,.1f} a second, {plain(done.executor)}, "
        f"at most {number(done.memory / 1e6)} MB a worker"
    )
    if done.known:
        said += f"; {done.known:,} were scored before"
    return said + (f"; {count(done.incidents, 'incident')}" if done.incidents else "")
