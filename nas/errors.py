"""Every error nas raises on purpose. The message is the only argument, so each survives pickling.

* NASError
  + PluginError         a plugin could not be loaded or broke a hook's contract
  + ComponentError      a name or its parameters do not fit what is registered
  + ConfigError         a config does not describe a search that can be run
  + SpaceError          decisions or a text that are no member of a space
  + DatasetError        data that cannot be read or used
  + ArchiveError        a file that is no archive, or holds nothing of that name
  + StudyError          a study that cannot start or go on
  + ExportError         a network that cannot be written, or was written wrong
  + ConformanceError    a component breaks a promise of its kind
  + CandidateError      one architecture failed; a search archives it and goes on
    - NonFiniteError    its loss, metric or score is NaN or infinite
    - TimeLimitError    it took longer than it may
    - NotApplicableError  a proxy has no meaning for this network
"""

from __future__ import annotations


class NASError(Exception):
    """Base of every error nas raises."""


class PluginError(NASError):
    """A plugin could not be loaded or broke a hook's contract."""


class ComponentError(NASError):
    """A component's name or parameters do not fit what is registered."""


class ConfigError(NASError):
    """A config does not describe a search that can be run."""


class SpaceError(NASError):
    """Decisions or a text are no member of the space."""


class DatasetError(NASError):
    """Data that cannot be read, or that the search cannot use."""


class ArchiveError(NASError):
    """The file is no archive that can be read, or holds nothing of that name."""


class StudyError(NASError):
    """A study cannot start or go on."""


class ExportError(NASError):
    """A network cannot be exported, or the export is not that network."""


class ConformanceError(NASError):
    """A component breaks a promise of its kind; see ``nas.testing``."""


class CandidateError(NASError):
    """One architecture failed. ``kind`` is archived with the message."""

    kind = "error"


class NonFiniteError(CandidateError):
    """A loss, metric or score is NaN or infinite."""

    kind = "non-finite"


class TimeLimitError(CandidateError):
    """A trial took longer than ``limits.timeout``."""

    kind = "timeout"


class NotApplicableError(CandidateError):
    """A proxy or measurement has no meaning for this network."""

    kind = "not-applicable"
