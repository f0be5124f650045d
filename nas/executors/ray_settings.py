"""What Ray reads from the environment while it is imported; so this comes before that."""

from __future__ import annotations

import os

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Ray prints these to our standard output; the engine archives them as failures instead
    "RAY_DEDUP_LOGS_SKIP_REGEX": "A worker died or was killed",
}


def apply() -> None:
    """Set what the user has not set."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
