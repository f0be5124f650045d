"""What a study knows before its first trial: complete trials of earlier studies on its space.

They are chosen when a study is created, and the archive notes which they were; when it goes on,
they are read again, and nothing that has been added to their archives since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nas import pareto
from nas.architecture import Architecture
from nas.archive.sources import Source
from nas.config import Config
from nas.engine.assembly import Assembly
from nas.engine.candidate import Known
from nas.engine.earlier_studies import Found, Reader
from nas.engine.trials import Protocols
from nas.trial import Trial


@dataclass(frozen=True)
class WarmStart:
    """What is known.

    Args:
        known: trials in the order in which a strategy is told: the worst first, for some remember
            the latest alone.
        sources: from where they are, for the archive.
        protocols: how what they hold was measured, where it is compared with new measurements.
    """

    known: tuple[Known, ...] = ()
    sources: tuple[Source, ...] = ()
    protocols: Protocols = field(default_factory=dict)


def warm_start(
    config: Config, parts: Assembly, archive: str | Path, noted: Sequence[Source] | None
) -> WarmStart:
    """Return what a study begins with.

    Args:
        config: of the study.
        parts: everything it is made of.
        archive: path of its archive.
        noted: what it began from; None if it is new.

    Raises:
        ArchiveError: an archive that the config names cannot be read.
        StudyError: no earlier study can be used, or one that the config names cannot; or what the
            study began with is not there any more.
    """
    wanted = config.warm_start
    if wanted is None:
        return WarmStart()
    reader = Reader(config, wanted, parts, Path(archive))
    found = reader.choose() if noted is None else [reader.again(source) for source in noted]
    return WarmStart(
        _known(found, wanted.limit, reuse=config.reuse),
        tuple(one.source for one in found),
        {metric: p for one in reversed(found) for metric, p in one.protocols.items()},
    )


def _known(found: Sequence[Found], limit: int | None, *, reuse: bool) -> tuple[Known, ...]:
    """Return the trials to tell, the worst first; of one architecture, the first that was found."""
    settled: dict[Architecture, bool] = {}
    first: dict[Architecture, Trial] = {}
    for one in found:
        reused = reuse and not one.source.archive  # the archive answers it at no cost
        for trial in one.trials:
            first.setdefault(trial.architecture, trial)
            known = settled.get(trial.architecture, False)
            settled[trial.architecture] = known or (one.source.same and not reused)
    best = _best_first(list(first.values()))[:limit]
    told = [replace(trial, number=-place - 1, parents=(), id=0) for place, trial in enumerate(best)]
    return tuple(Known(trial, settled[trial.architecture]) for trial in reversed(told))


def _best_first(trials: Sequence[Trial]) -> list[Trial]:
    """Order by violation, then non-domination rank, then how alone a trial is on its front."""
    if all(len(trial.losses) == 1 for trial in trials):
        return sorted(trials, key=lambda trial: (trial.violation, trial.losses))
    ranks = pareto.ranks([trial.losses for trial in trials])
    fronts: dict[int, list[int]] = {}
    for place, rank in enumerate(ranks):
        fronts.setdefault(rank, []).append(place)
    crowded = [0.0] * len(trials)
    for members in fronts.values():
        distances = pareto.crowding([trials[i].losses for i in members]).tolist()
        for i, distance in zip(members, distances, strict=True):
            crowded[i] = distance
    order = sorted(range(len(trials)), key=lambda i: (trials[i].violation, ranks[i], -crowded[i]))
    return [trials[i] for i in order]
