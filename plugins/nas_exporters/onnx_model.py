"""Open Neural Network Exchange."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas import ExportError, checks
from nas.abstract.exporter import Exporter, FoundNetwork, Run

_NEEDED = ("onnx", "onnxscript", "onnxruntime")
ONE_FILE = 2**30
"""Bytes of weights that stand in the file itself; protobuf holds 2 GiB. Larger ones are beside it,
in ``NAME.onnx.data``."""


@dataclass(frozen=True)
class OnnxModel(Exporter):
    """ONNX with a free batch dimension: ``input`` (batch, ...) to ``logits`` (batch, classes).

    Provenance is in the model's metadata, under ``nas``.

    Args:
        opset: version of ONNX's operators; None is the one that torch writes without asking.
    """

    suffix = ".onnx"
    opset: int | None = None

    def __post_init__(self) -> None:
        if self.opset is not None:
            checks.whole("opset", self.opset, 18)
        missing = [name for name in _NEEDED if find_spec(name) is None]
        if missing:
            raise ExportError(
                f"exporter 'onnx' needs {' and '.join(missing)}: pip install 'plugnas[onnx]'"
            )

    def write(self, found: FoundNetwork, path: Path) -> None:
        """Trace the network, and write operators and weights."""
        import torch

        from nas_exporters.tracing import batch_of_any_size, tracing

        size = sum(v.numel() * v.element_size() for v in found.network.state_dict().values())
        with tracing(found, "onnx"):
            program = torch.onnx.export(
                found.network,
                (found.example(),),
                dynamo=True,
                dynamic_shapes=batch_of_any_size(),
                input_names=["input"],
                output_names=["logits"],
                opset_version=self.opset,
                verbose=False,
            )
            assert program is not None
            about = json.dumps(dict(found.provenance), allow_nan=False)
            program.model.metadata_props["nas"] = about
            program.save(str(path), external_data=size > ONE_FILE)

    def load(self, path: Path, found: FoundNetwork) -> Run:
        """Return what runs the model in onnxruntime, on the CPU."""
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

        def run(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
            logits: NDArray[np.float32] = session.run(["logits"], {"input": inputs})[0]
            return logits

        return run
