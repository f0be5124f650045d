"""Exporters that each break one law: the one that they are named after."""

from __future__ import annotations

import copy

import numpy as np
import torch

import nas


class Good(nas.Exporter):
    """Weights as numpy's arrays; breaks nothing."""

    suffix = ".npz"

    def write(self, found, path):
        np.savez(path, **{k: v.numpy() for k, v in found.network.state_dict().items()})

    def load(self, path, found):
        network = copy.deepcopy(found.network)
        with np.load(path) as arrays:
            network.load_state_dict({k: torch.from_numpy(arrays[k]) for k in arrays})
        return lambda inputs: network(torch.from_numpy(inputs)).detach().numpy()


class Bare(Good):
    """Nobody sees what the file is."""

    suffix = ""

    def write(self, found, path):
        with path.open("wb") as file:
            np.savez(file, **{k: v.numpy() for k, v in found.network.state_dict().items()})


class OneSample(Good):
    def load(self, path, found):
        run = super().load(path, found)
        return lambda inputs: run(inputs) if len(inputs) > 1 else run(inputs) + 1


class FromMemory(Good):
    def load(self, path, found):
        network = found.network
        return lambda inputs: network(torch.from_numpy(inputs)).detach().numpy()


class Trains(Good):
    def write(self, found, path):
        super().write(found, path)
        found.network.train()


class Anchored(Good):
    def write(self, found, path):
        super().write(found, path)
        self.place = path

    def load(self, path, found):
        return super().load(self.place, found)


@nas.hookimpl
def nas_exporters():
    broken = {
        "names-a-suffix": Bare,
        "what-is-written-is-the-network": OneSample,
        "reads-nothing-but-the-file": FromMemory,
        "leaves-the-network": Trains,
        "files-can-be-moved": Anchored,
    }
    return [nas.Component(name, build, "broken") for name, build in broken.items()]
