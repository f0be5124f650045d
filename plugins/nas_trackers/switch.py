"""How a tracker is asked for, and what it needs for that."""

from __future__ import annotations

import importlib.util
import os

from nas.errors import PluginError


def asked_for(variable: str, library: str, extra: str) -> str | None:
    """Return the value of an environment variable, or None if it is not set or empty.

    Args:
        variable: what switches a tracker on.
        library: the module it needs.
        extra: of plugnas, which installs the library.

    Raises:
        PluginError: the variable is set, but the library is not installed.
    """
    value = os.environ.get(variable)
    if not value:
        return None
    if importlib.util.find_spec(library) is None:
        raise PluginError(
            f"{variable} is set, but {library} is not installed: "
            f"pip install 'plugnas[{extra}]', or unset {variable}"
        )
    return value
