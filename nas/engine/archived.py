"""An archived study that is to be run again, in whole or in part: its config, with consent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nas.abstract.dataset import Dataset
from nas.archive import Archive
from nas.archive.importing import imported_from
from nas.archive.record import ComponentRecord
from nas.config import Config
from nas.errors import StudyError
from nas.plugins import FROM_FILE, PluginFile, Plugins
from nas.study import Study
from nas.trial import Trial


def archived_config(
    archive: Archive, study: Study, plugins: Sequence[str | Path], *, trust: bool
) -> Config:
    """Return the config of a study.

    Args:
        archive: it is in.
        study: as archived.
        plugins: plugin files that are at hand.
        trust: whether functions that the config names may be called.

    Raises:
        StudyError: it was imported, a plugin file is missing, or the config names a function to
            call and ``trust`` is not set.
    """
    components = archive.components(study)
    if imported := imported_from(components):
        raise StudyError(
            f"study {study.name!r} was imported ({imported.name}): there is no search to go on "
            "with, and nothing that says how its trials were evaluated; a new search begins with "
            "what it knows by [warm_start]"
        )
    missing = _missing_files(components, plugins)
    if missing:
        options = " ".join(f"--plugin {name}.py" for name in missing)
        raise StudyError(
            f"study {study.name!r} uses plugin files, which an archive does not hold: "
            f"add {options}, with the paths of these files"
        )
    # after a merge a study may have another name than the one it was begun with
    plain = {**study.config, "study": study.name}
    config = Config.parse(plain, source=f"study {study.name!r}")
    if not trust:
        _check_calls(config, plugins)
    return config


def alone(config: Config, trial: Trial, **changes: Any) -> dict[str, Any]:
    """Return a config that evaluates one trial's architecture, as its study did, and no other.

    What chose it is left out: strategy, filter, scheduler, what the study began with. So is the
    time-out, which was made for the budget of the search.

    Args:
        config: of the trial's study.
        trial: whose architecture it is.
        changes: other values of the top of the config.
    """
    plain = config.to_dict()
    limits: Mapping[str, Any] = plain["limits"]
    return {
        **{k: v for k, v in plain.items() if k not in ("filter", "scheduler", "warm_start")},
        "order": "number",
        "reuse": False,
        "strategy": {
            "name": "strategies:fixed",
            "architectures": [dict(trial.architecture)],
            "stems_from": [[config.study, trial.number]],
        },
        "stop": {"trials": 1},
        "limits": {**limits, "timeout": None},
        **changes,
    }


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


def _missing_files(
    components: Iterable[ComponentRecord], plugins: Iterable[str | Path]
) -> list[str]:
    used = {c.name.partition(":")[0] for c in components if c.distribution == FROM_FILE}
    return sorted(used - {Path(path).stem for path in plugins})
