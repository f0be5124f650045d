"""Going on with a study from its archive alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from nas.archive import Archive
from nas.engine.archived import archived_config
from nas.engine.progress import Observer
from nas.engine.search import Result, search
from nas.errors import ConfigError, StudyError
from nas.study import Study
from nas.suggest import listed

MAY_CHANGE = ("stop", "limits", "run")
"""Tables of a config that may differ from session to session."""


def resume(
    archive: str | Path,
    study: str | None = None,
    *,
    overrides: Iterable[str] = (),
    address: str | None = None,
    plugins: Sequence[str | Path] = (),
    observer: Observer | None = None,
    log: str | Path | None = None,
    trust: bool = False,
) -> Result:
    """Go on with a study; its config is in the archive.

    Args:
        archive: path of the archive.
        study: which one; by default the one that has not finished, or the only one.
        overrides: such as ``stop.trials=200``; of ``stop``, ``limits`` and ``run`` only.
        address: of a Ray cluster, instead of the config's.
        plugins: plugin files. Nothing in an archive is ever executed, so a study that was begun
            with such files needs them again.
        observer: is told how the search gets on.
        log: file to which every event is appended, one JSON object a line.
        trust: call functions that the archived config names (the data set ``factory``). Whoever
            wrote the archive chose them, so only for one that you have written yourself.

    Raises:
        ArchiveError: no such archive or study.
        ConfigError: an override of something that makes the study what it is.
        StudyError: several studies could be meant, a plugin file is missing, or the config names
            a function to call and ``trust`` is not set.
        NASError: as ``search``.
    """
    assignments = list(overrides)
    _check(assignments)
    with Archive(archive) as opened:
        found = opened.study(study) if study is not None else _unfinished(opened)
        config = archived_config(opened, found, plugins, trust=trust).changed(assignments)
    return search(config, archive, address=address, plugins=plugins, observer=observer, log=log)


def _check(assignments: Iterable[str]) -> None:
    for assignment in assignments:
        table = assignment.partition("=")[0].partition(".")[0].strip()
        if table not in MAY_CHANGE:
            raise ConfigError(
                f"--set {assignment!r}: a study goes on with the config it was begun with; "
                f"only {listed(MAY_CHANGE)} may change"
            )


def _unfinished(archive: Archive) -> Study:
    studies = archive.studies()
    if not studies:
        raise StudyError(f"{str(archive.path)!r} has no study yet")
    open_ones = [study for study in studies if archive.state(study).status != "finished"]
    for candidates in (open_ones, studies):
        if len(candidates) == 1:
            return candidates[0]
    names = [study.name for study in open_ones or studies]
    which = "several studies have not finished" if open_ones else "there are several studies"
    raise StudyError(f"{which} in {str(archive.path)!r}: name one of {listed(names)}")
