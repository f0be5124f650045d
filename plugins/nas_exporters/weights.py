"""Weights alone, as safetensors."""

from __future__ import annotations

import json
from pathlib import Path

from nas.abstract.exporter import Exporter, FoundNetwork, Run

_HOW = """\
import json
import nas
from safetensors import safe_open
from safetensors.torch import load_file

about = json.loads(safe_open(PATH, "pt").metadata()["nas"])
space = {space}
network = space.build(space.architecture(about["decisions"]))
{normalised}network.load_state_dict(load_file(PATH))
network.eval()
"""
_INSTALLED = 'nas.space(about["space"]["name"], **about["space"]["parameters"])'
_FROM_FILE = """\
Plugins([PluginFile.read("PLUGIN.py")]).build(
    "space", about["space"]["name"], **about["space"]["parameters"]
)"""
_NORMALISED = """\
from nas.normalise import with_normalisation
network = with_normalisation(network, space.input_shape)
"""


class Weights(Exporter):
    """The network's state dict, with provenance (``nas``, JSON) and ``how_to_load`` as metadata."""

    suffix = ".safetensors"

    def write(self, found: FoundNetwork, path: Path) -> None:
        """Write every tensor under the name that it has in the archived network."""
        from safetensors.torch import save

        # Layers can share tensors, which safetensors refuses: each gets its own.
        state = {k: v.detach().clone().contiguous() for k, v in found.network.state_dict().items()}
        about = json.dumps(dict(found.provenance), allow_nan=False)
        metadata = {"format": "pt", "nas": about, "how_to_load": _how_to_load(found)}
        path.write_bytes(save(state, metadata))

    def load(self, path: Path, found: FoundNetwork) -> Run:
        """Return the network that the file's decisions build, with the file's weights."""
        from safetensors import safe_open
        from safetensors.torch import load_file

        from nas_exporters.rebuilding import rebuilt

        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["nas"])
        return rebuilt(found, about["decisions"], load_file(path))


def _how_to_load(found: FoundNetwork) -> str:
    from_file = found.provenance["space"]["distribution"] == "(file)"
    return ("from nas.plugins import PluginFile, Plugins\n" if from_file else "") + _HOW.format(
        space=_FROM_FILE if from_file else _INSTALLED,
        normalised=_NORMALISED if found.provenance["normalises"] else "",
    )
