"""A single file as a plugin."""

from __future__ import annotations

import hashlib
import sys
import types
from dataclasses import dataclass
from pathlib import Path

from nas.errors import PluginError
from nas.suggest import did_you_mean_file


@dataclass(frozen=True)
class PluginFile:
    """A single file that is a plugin; it travels to workers as text.

    Args:
        name: what its components are qualified with: the file's stem.
        path: where it was read, for messages and tracebacks.
        source: its content.
    """

    name: str
    path: str
    source: str

    @classmethod
    def read(cls, path: str | Path) -> PluginFile:
        """Read a plugin file. Raises ``PluginError`` if it cannot be read."""
        path = Path(path)
        try:
            return cls(path.stem, str(path), path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            why = f"{error}.{did_you_mean_file(path)}"
            raise PluginError(f"plugin file {str(path)!r} cannot be read: {why}") from None

    @property
    def version(self) -> str:
        """A digest of the content: a file has no version of its own."""
        return "sha256:" + hashlib.sha256(self.source.encode()).hexdigest()[:12]

    def load(self) -> types.ModuleType:
        """Execute the file as a module."""
        module = types.ModuleType(f"nas_plugin_file_{self.name}")
        module.__file__ = self.path
        sys.modules[module.__name__] = module  # dataclasses look their module up by name
        code = compile(self.source, self.path, "exec", dont_inherit=True)
        exec(code, module.__dict__)
        return module
