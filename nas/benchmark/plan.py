"""What a benchmark consists of: a study for each table, seed and strategy; and which are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.archive import Archive
from nas.benchmark.config import BenchmarkConfig, TableConfig
from nas.config import Config, differences
from nas.engine.assembly import Assembly, assemble
from nas.errors import ConfigError, StudyError
from nas.plugins import PluginFile
from nas.study import Study
from nas.suggest import did_you_mean, listed


@dataclass(frozen=True)
class Entry:
    """One study of a benchmark."""

    table: str
    strategy: str
    seed: int
    config: Config


@dataclass(frozen=True)
class Plan:
    """A benchmark whose names and parameters have been checked.

    Args:
        config: what it says.
        entries: its studies: all strategies of a seed before the next seed, so that what is there
            after an interrupt can be compared.
        parts: of each table, what its searches are made of but the strategy.
    """

    config: BenchmarkConfig
    entries: Sequence[Entry]
    parts: Mapping[str, Assembly]

    def of(self, table: str, strategy: str) -> list[Entry]:
        """Return the studies of a strategy on a table, by seed."""
        return [e for e in self.entries if (e.table, e.strategy) == (table, strategy)]


def plan(config: BenchmarkConfig, files: Sequence[PluginFile]) -> Plan:
    """Build everything that a benchmark names, once, to be refused before anything runs.

    Raises:
        NASError: a component or a parameter that does not fit; the table or strategy is named.
    """
    parts: dict[str, Assembly] = {}
    for table in config.tables:
        for strategy in config.everyone:
            built = assemble(config.study(table, strategy, 0), files)
            built.strategy.start(built.problem(0))  # it may refuse the problem
            parts.setdefault(table.name, built)
        _check_judge(table, parts[table.name])
    entries = [
        Entry(table.name, strategy.called, seed, config.study(table, strategy, seed))
        for table in config.tables
        for seed in range(config.seeds)
        for strategy in config.everyone
    ]
    return Plan(config, entries, parts)


def finished(plan: Plan, archive: str | Path) -> dict[str, Study]:
    """Return the studies that an archive has whole, by name.

    Raises:
        StudyError: one of that name has another config.
    """
    if not Path(archive).exists() or not Path(archive).stat().st_size:
        return {}
    with Archive(archive) as opened:
        there = {study.name: study for study in opened.studies()}
        done = {}
        for entry in plan.entries:
            study = there.get(entry.config.study)
            if study is None:
                continue
            known = Config.parse(study.config)
            _check_same(known, entry.config, archive)
            wanted, ran = entry.config.stop.trials, known.stop.trials
            enough = wanted is not None and ran is not None and ran >= wanted
            if enough and opened.state(study).status == "finished":
                done[study.name] = study
    return done


def _check_same(known: Config, wanted: Config, archive: str | Path) -> None:
    changed = differences(known.identity(), wanted.identity())
    if changed:
        raise StudyError(
            f"study {wanted.study!r} is in {str(archive)!r} already, with another config: "
            f"{'; '.join(changed)}. Give the strategy or table another label, the benchmark "
            "another name, or use another archive."
        )


def _check_judge(table: TableConfig, parts: Assembly) -> None:
    if table.judge is None:
        return
    metric, known = table.judge.metric, (*parts.evaluator.metrics, *parts.analytic)
    if metric not in known:
        raise ConfigError(
            f"table {table.name!r}: no metric {metric!r} to judge by.{did_you_mean(metric, known)} "
            f"There are {listed(known)}"
        )
