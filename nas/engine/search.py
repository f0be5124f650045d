"""One search, from a config to a front in an archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.archive import Archive
from nas.archive.writer import Writer
from nas.config import Config, differences
from nas.engine.assembly import Assembly, assemble
from nas.engine.deciding import memory_of, order_of, proposer_of, referee_of, reuse_of
from nas.engine.execution import executor_of
from nas.engine.heap import settled_heap
from nas.engine.interrupts import Interrupts
from nas.engine.log import with_log
from nas.engine.loop import Loop
from nas.engine.progress import Observer, Plan, Reason
from nas.engine.reachable import check_bounds
from nas.engine.warm_start import WarmStart, warm_start
from nas.errors import StudyError
from nas.executors.checkpoints import CheckpointFolder, Checkpoints
from nas.executors.limits import Limits
from nas.executors.protocol import Executor
from nas.executors.simulated import check_simulation
from nas.plugins import PluginFile
from nas.study import Study
from nas.trial import Trial


@dataclass(frozen=True)
class Result:
    """How a session ended; everything else is in the archive.

    Args:
        study: what was searched.
        archive: path of the archive.
        reason: why it ended, in words.
        interrupted: True if the user stopped it; the same search goes on when it is run again.
    """

    study: Study
    archive: str
    reason: str
    interrupted: bool

    @property
    def front(self) -> list[Trial]:
        """The trials that no other dominates, by first objective."""
        with Archive(self.archive) as archive:
            return archive.front(self.study.name)

    @property
    def trials(self) -> list[Trial]:
        """All trials, by number."""
        with Archive(self.archive) as archive:
            return archive.trials(self.study.name)


def search(
    config: Config | Mapping[str, Any] | str | Path,
    archive: str | Path = "nas.db",
    *,
    address: str | None = None,
    plugins: Sequence[str | Path] = (),
    observer: Observer | None = None,
    log: str | Path | None = None,
) -> Result:
    """Run a search, or go on with it if the archive holds a part of it.

    Args:
        config: a ``Config``, a mapping like a config file's content, or the path of a TOML file.
        archive: path of the SQLite archive; created if it is not there.
        address: of a Ray cluster, instead of the config's.
        plugins: plugin files beside what is installed.
        observer: is told how the search gets on.
        log: file to which every event is appended, one JSON object a line.

    Returns:
        How it ended. Ctrl-C ends it cleanly: running trials are cancelled and recorded.

    Raises:
        NASError: a config, component, data set or archive that cannot be used (see
            ``nas.errors``); or ``StudyError`` if every candidate fails in the same way.
    """
    checked = _config(config)
    if address is not None:
        checked = checked.changed([f'run.address="{address}"'])
    watching = () if observer is None else (observer,)
    with ExitStack() as stack:
        told = with_log(stack, log, checked.study, archive, *watching)
        return _search(checked, archive, address, plugins, told)


def _search(
    checked: Config,
    archive: str | Path,
    address: str | None,
    plugins: Sequence[str | Path],
    observer: Observer | None,
) -> Result:
    files = [PluginFile.read(path) for path in plugins]
    with Interrupts() as interrupts:
        parts = assemble(checked, files)
        if checked.simulated:
            check_simulation(parts.evaluator)
        # what a power cut undoes of a simulation costs nothing to run again
        durable = checked.run.durable and not checked.simulated
        with Writer.open(archive, durable=durable) as writer:
            existing = _existing(writer, checked, parts, str(archive))
            noted = None if existing is None else writer.sources(existing)
            warm = warm_start(checked, parts, archive, noted)
            study = _study(writer, checked, parts, str(archive), warm)
            folder = CheckpointFolder(Path(archive), study.id) if parts.keeps_snapshots else None
            if folder and existing is None:
                folder.clear()
            checkpoints = Checkpoints(folder, parts.evaluation) if folder else None
            loop = _loop(checked, parts, study, writer, folder, warm)
            earlier = writer.count(study)
            executor = _executor(checked, parts, checkpoints)
            plan = _plan(checked, parts, executor, earlier, warm)
            reason = _run(loop, executor, plan, observer, interrupts)
    return Result(study, str(archive), reason.text, reason.status == "interrupted")


def _loop(
    config: Config,
    parts: Assembly,
    study: Study,
    writer: Writer,
    folder: CheckpointFolder | None,
    warm: WarmStart,
) -> Loop:
    memory = memory_of(config, parts, study, writer)
    proposer = proposer_of(config, parts, study, memory, warm)
    referee = referee_of(config, parts, study)
    order = order_of(config, study, writer, referee)
    reuse = reuse_of(config, parts, study, writer)
    known = warm.protocols
    return Loop(study, parts, writer, proposer, order, reuse, folder, known, referee, memory)


def _run(
    loop: Loop,
    executor: Executor,
    plan: Plan,
    observer: Observer | None,
    interrupts: Interrupts,
) -> Reason:
    try:
        with settled_heap():
            return loop.run(executor, plan, observer, interrupts)
    finally:
        executor.stop()


def _plan(
    config: Config, parts: Assembly, executor: Executor, earlier: int, warm: WarmStart
) -> Plan:
    known = f", {len(warm.known)} known from earlier studies" if warm.known else ""
    return Plan(
        resumed=earlier,
        stop_trials=config.stop.trials,
        stop_seconds=config.stop.seconds,
        executor=executor.description,
        search_space=f"{config.space.name}, {parts.space.size} architectures{known}",
        simulated=config.simulated,
        stop_budget=config.stop.budget,
    )


def _config(config: Config | Mapping[str, Any] | str | Path) -> Config:
    if isinstance(config, Config):
        return config
    if isinstance(config, Mapping):
        return Config.parse(config)
    return Config.load(config)


def _existing(writer: Writer, config: Config, parts: Assembly, archive: str) -> Study | None:
    """Return the study if there is one; check that it can begin, or go on with this config."""
    existing = writer.existing(config.study)
    if existing is None:
        check_bounds(parts.space, parts.analytic, parts.goals, config.seed)
    else:
        changed = differences(Config.parse(existing.config).identity(), config.identity())
        if changed:
            raise StudyError(
                f"study {config.study!r} is in {archive!r} already, with another config: "
                f"{'; '.join(changed)}. Give the study another name, or use another archive."
            )
    return existing


def _study(writer: Writer, config: Config, parts: Assembly, archive: str, warm: WarmStart) -> Study:
    study = Study(
        name=config.study,
        archive=archive,
        goals=parts.goals,
        config=config.to_dict(),
        seed=config.seed,
        window=config.window,
        evaluation=parts.evaluation,
    )
    return writer.study(study, parts.components, warm.sources, parts.evaluator.stages)


def _executor(config: Config, parts: Assembly, checkpoints: Checkpoints | None) -> Executor:
    memory, workers = config.limits.memory, config.run.workers
    if config.simulated:
        workers = workers or config.window
    elif workers:  # more than the window has places would only sit idle
        workers = min(config.window, workers)
    return executor_of(
        config.run,
        parts.setup,
        parts.data,
        parts.evaluator,
        workers=workers,
        limits=Limits(config.limits.timeout, None if memory is None else int(memory)),
        checkpoints=checkpoints,
    )
