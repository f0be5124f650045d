"""Built-in exporters: a found network in forms that run without nas."""

from __future__ import annotations

from collections.abc import Iterable

from nas import Component, hookimpl


@hookimpl
def nas_exporters() -> Iterable[Component]:
    """ONNX, torch.export, plain Python, weights alone, and the description."""
    from nas_exporters.description import Description
    from nas_exporters.exported_program import ExportedProgram
    from nas_exporters.onnx_model import OnnxModel
    from nas_exporters.python_module import PythonModule
    from nas_exporters.weights import Weights

    return [
        Component("json", Description, "what was found and where it comes from, without weights"),
        Component(
            "onnx", OnnxModel, "ONNX, for onnxruntime and others; any batch", "https://onnx.ai"
        ),
        Component(
            "pt2",
            ExportedProgram,
            "torch.export, for PyTorch from Python or C++; any batch",
            "https://docs.pytorch.org/docs/stable/export.html",
        ),
        Component("python", PythonModule, "one readable file that needs only torch, and weights"),
        Component(
            "safetensors",
            Weights,
            "trained weights, and how to load them with nas",
            "https://github.com/huggingface/safetensors",
        ),
    ]
