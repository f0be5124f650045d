"""What exporters that trace a network share."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nas import ExportError
from nas.abstract.exporter import FoundNetwork


def batch_of_any_size() -> tuple[dict[int, Any], ...]:
    """Return ``dynamic_shapes`` of a network with one input whose first dimension is free."""
    import torch

    return ({0: torch.export.Dim("batch")},)


@contextmanager
def tracing(found: FoundNetwork, name: str) -> Iterator[None]:
    """Explain why a network cannot be traced; keep torch's warnings about itself quiet.

    Raises:
        ExportError: its code cannot be traced, or has one size of batch only.
    """
    # torch's exporters use what torch has deprecated, some of it through copyreg, and torchvision
    # if it is there; nothing that a user could do anything about.
    with warnings.catch_warnings(), _quiet_log():
        for category in (DeprecationWarning, FutureWarning, UserWarning):
            for module in (r"torch\.", r"copyreg", r"onnxscript\.", r"onnx_ir\."):
                warnings.filterwarnings("ignore", category=category, module=module)
        try:
            yield
        except Exception as error:  # torch raises errors of many kinds, and so may the network
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            said = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
            raise ExportError(
                f"torch cannot trace {type(found.network).__name__} for exporter {name!r} with a "
                f"batch of any size: {said}. Its forward must not branch on values or on the size "
                "of the batch; exporter 'safetensors' keeps the weights of any network"
            ) from error


@contextmanager
def _quiet_log() -> Iterator[None]:
    import logging

    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
