"""``NAS_TRACE_PLUGINS=1``: every call of a plugin's hook, as a line on standard error.

What is printed is the call that the engine really makes. (pluggy's own tracing would show none of
them: the engine calls implementations one by one, so that one that fails stops no other.)
"""

from __future__ import annotations

import logging
import os
import reprlib
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from nas.components import Registered
from nas.text import count, one_line

log = logging.getLogger(__name__)

TRACE = "NAS_TRACE_PLUGINS"
Result = TypeVar("Result")

_ON, _OFF = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")
_SHORT = 60
"""Characters of an argument or a result that are shown."""


def wanted() -> bool:
    """Tell whether hook calls are to be shown; a value that says neither is warned of."""
    value = os.environ.get(TRACE, "").strip()
    if value.lower() in _ON:
        return True
    if value.lower() not in _OFF:
        log.warning("%s=%s shows no hook calls: 1 does, 0 does not", TRACE, one_line(value))
    return False


def traced(
    plugin: str, hook: str, arguments: Mapping[str, object], call: Callable[[], Result]
) -> Result:
    """Make a call and show it, whatever comes of it.

    Args:
        plugin: whose implementation it is.
        hook: its name.
        arguments: by name, to be shown.
        call: what makes it.
    """
    began = time.perf_counter()
    try:
        result = call()
    except BaseException as error:
        _show(plugin, hook, arguments, f"raised {type(error).__name__}: {error}", began)
        raise
    _show(plugin, hook, arguments, _returned(result), began)
    return result


def untraced(
    plugin: str, hook: str, arguments: Mapping[str, object], call: Callable[[], Result]
) -> Result:
    """Make a call."""
    return call()


def _show(plugin: str, hook: str, arguments: Mapping[str, object], came: str, began: float) -> None:
    took = 1e3 * (time.perf_counter() - began)
    given = ", ".join(f"{name}={_short(value)}" for name, value in arguments.items())
    text = one_line(f"{plugin}.{hook}({given}) -> {_cut(came)}")
    print(f"trace: {text} [{took:.2f} ms]", file=sys.stderr, flush=True)


def _returned(result: object) -> str:
    if result is None:
        return "nothing"
    if isinstance(result, list) and all(isinstance(item, Registered) for item in result):
        return count(len(result), "component")
    if isinstance(result, Mapping):
        return ", ".join(map(str, result)) or "nothing"
    return _short(result)


def _short(value: Any) -> str:
    """Return what tells a value from others of its kind."""
    from nas.study import Study
    from nas.trial import Trial

    if isinstance(value, Study):
        return repr(value.name)
    if isinstance(value, Trial):
        return f"trial {value.number} ({value.status.value})"
    return _cut(reprlib.repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
