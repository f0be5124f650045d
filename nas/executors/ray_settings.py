"""What Ray reads from the environment while it is imported; so this comes before that."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SETTINGS = {
    # what a killed worker has started ends with it
    "RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # what Ray would print of dead workers and nodes to our standard output is archived instead
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
}


def apply() -> None:
    """Set what the user has not set."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if "RAY_AUTH_MODE" not in os.environ and _has_token():
        # `ray start` asks for the token by default, but a driver shows it only when told to
        os.environ["RAY_AUTH_MODE"] = "token"
        if "ray" in sys.modules:
            _read_again()


def _read_again() -> None:
    """The caller has imported Ray before: it reads its settings again, as it does itself."""
    import ray
    from ray._raylet import Config  # type: ignore[attr-defined]  # a compiled module

    if not ray.is_initialized():
        Config.initialize("")


def _has_token() -> bool:
    path = os.environ.get("RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token")
    return "RAY_AUTH_TOKEN" in os.environ or Path(path).expanduser().is_file()
