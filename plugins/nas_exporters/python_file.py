"""The text of an exported Python file; what strangers wrote stands in it as text only."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator

from nas import ExportError, NetworkSource
from nas.abstract.exporter import FoundNetwork

_FILE = '''\
"""{title}

{about}
"""

from pathlib import Path

import torch
from torch import nn

WEIGHTS = Path(__file__).with_name({weights})
INPUT_SHAPE = {input_shape}  # of one sample
CLASSES = {classes}


{code}


{wrapper}def load(weights: str | Path = WEIGHTS) -> nn.Module:
    """Return the {kind} network, in evaluation mode, on the CPU."""
    network = {top}()
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return network.eval()


if __name__ == "__main__":
    inputs = {inputs}
    with torch.no_grad():
        logits = load()(inputs)  # (batch, CLASSES)
    print("logits", tuple(logits.shape), "classes", logits.argmax(dim=1).tolist())
'''

_NORMALISED = '''\
class NormalisedNetwork(nn.Module):
    """The network for raw inputs: shifts and scales them as it was done in training."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros{shape})  # of the training data
        self.register_buffer("std", torch.ones{shape})
        self.network = Network()

    def forward(self, inputs):
        return self.network((inputs.to(self.mean.dtype) - self.mean) / self.std)


'''


def python_file(found: FoundNetwork, source: NetworkSource, weights: str, stem: str) -> str:
    """Return the whole file.

    Args:
        found: the network.
        source: of ``Network``.
        weights: name of the file beside it.
        stem: name of the file itself, without its suffix.
    """
    about = found.provenance
    # A space may have these from an archive, unchecked: numbers only.
    normalises, shape = bool(about["normalises"]), tuple(map(int, found.input_shape))
    statistics = (shape[0], 1, 1) if len(shape) == 3 else shape
    image = normalises and len(shape) == 3
    random = "torch.randint(0, 256, (2, *INPUT_SHAPE)).float()  # pixels"
    return _FILE.format(
        title=_text(f"Trial {about['trial']} of {about['study']}, found with nas {about['nas']}."),
        about="\n".join(_about(found, weights, stem)),
        weights=json.dumps(weights, ensure_ascii=False),
        input_shape=shape,
        classes=int(found.space.classes),
        code=source.code.strip("\n"),
        wrapper=_NORMALISED.format(shape=statistics) if normalises else "",
        top="NormalisedNetwork" if normalises else "Network",
        kind="trained" if about["trained"] else "untrained",
        inputs=random if image else "torch.randn(2, *INPUT_SHAPE)",
    )


def _about(found: FoundNetwork, weights: str, stem: str) -> Iterator[str]:
    """Yield the lines that say what it is, where it comes from and how it is used."""
    about = found.provenance
    units = {goal["metric"]: goal["unit"] for goal in about["objectives"]}
    yield _text(f"Space {about['space']['name']}, architecture:")
    yield f"    {_text(about['architecture'])}"
    for name, value in about["metrics"].items():
        yield _text(f"{name}: {value} {units.get(name, '')}").rstrip()
    yield ""
    takes = "raw inputs, as the data set has them" if about["normalises"] else "inputs"
    yield f"Takes {takes}: (batch, {', '.join(map(str, found.input_shape))})."
    yield f"Returns logits: (batch, {found.space.classes})."
    trained = "trained weights" if about["trained"] else "weights that training began with"
    yield f"Needs only torch. The {trained} are in {_text(weights)}, beside this file:"
    yield ""
    if stem.isidentifier():
        yield f"    from {stem} import load"
        yield ""
        yield "    network = load()"
    else:
        yield f'    python "{_text(stem)}.py"'


def _text(value: object) -> str:
    """Return what can stand in a docstring or a string of the file and end neither."""
    return "".join(map(_character, str(value).replace('"', "'")))


def _character(c: str) -> str:
    return c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode()


def check_imports(code: str, space: str) -> None:
    """Refuse source that needs more than Python and torch. Raises ``ExportError``."""
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        raise ExportError(f"the source that space {space} gives is no Python: {error}") from None
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        for name in names:
            if name.partition(".")[0] not in {"torch", *sys.stdlib_module_names}:
                raise ExportError(
                    f"the source that space {space} gives imports {name!r}; expected nothing but "
                    "torch and what comes with Python"
                )
