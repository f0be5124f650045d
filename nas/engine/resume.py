"""Going on with a study from its archive alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from nas.abstract.dataset import Dataset
from nas.archive import Archive
from nas.archive.importing import imported_from
from nas.archive.record import ComponentRecord
from nas.config import Config
from nas.engine.progress import Observer
from nas.engine.search import Result, search
from nas.errors import ConfigError, StudyError
from nas.plugins import FROM_FILE, PluginFile, Plugins
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
        components = opened.components(found)
    if imported := imported_from(components):
        raise StudyError(
            f"study {found.name!r} was imported ({imported.name}), so there is no search to go on "
            "with; a new one begins with what it knows by [warm_start]"
        )
    missing = _missing_files(components, plugins)
    if missing:
        options = " ".join(f"--plugin {name}.py" for name in missing)
        raise StudyError(
            f"study {found.name!r} uses plugin files, which an archive does not hold: "
            f"add {options}, with the paths of these files"
        )
    config = Config.parse(found.config, source=f"study {found.name!r}").changed(assignments)
    if not trust:
        _check_calls(config, plugins)
    return search(config, archive, address=address, plugins=plugins, observer=observer, log=log)


def _check(assignments: Iterable[str]) -> None:
    for assignment in assignments:
        table = assignment.partition("=")[0].partition(".")[0].strip()
        if table not in MAY_CHANGE:
            raise ConfigError(
                f"--set {assignment!r}: a study goes on with the config it was begun with; "
                f"only {listed(MAY_CHANGE)} may change"
            )


def _check_calls(config: Config, plugins: Sequence[str | Path]) -> None:
    if config.data is None:
        return
    known = Plugins([PluginFile.read(path) for path in plugins])
    dataset = known.build("dataset", config.data.name, **config.data.parameters)
    if isinstance(dataset, Dataset) and dataset.calls is not None:
        raise StudyError(
            f"the data of study {config.study!r} come from calling {dataset.calls!r}, which is "
            "what the archive says: if you trust whoever wrote it, add --trust (from Python, "
            "trust=True)"
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


def _missing_files(
    components: Iterable[ComponentRecord], plugins: Iterable[str | Path]
) -> list[str]:
    used = {c.name.partition(":")[0] for c in components if c.distribution == FROM_FILE}
    return sorted(used - {Path(path).stem for path in plugins})
