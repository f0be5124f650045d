"""Laws of the networks that search spaces build."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np

import nas
from nas.errors import ConformanceError
from nas.seeds import Rng
from nas.testing.law import Inapplicable, law, require
from nas.testing.state import generators_untouched
from nas.testing.subject import Subject
from nas.testing.tries import for_members

if TYPE_CHECKING:
    import torch

NETWORKS = 6
"""Networks that a law builds: they may be large."""


@law("space")
def one_id_is_one_network(subject: Subject) -> str:
    """Architectures share a canonical id only if they are the same network, however labelled.

    Two networks under one id would share a result. It is checked by the sizes of the weights
    that the output depends on, for architectures drawn and their neighbours.
    """
    space = subject.build()
    draws = random.Random(0)
    seen: dict[str, tuple[nas.Architecture, tuple[int, ...]]] = {}
    pairs = 0
    for _ in range(25):
        member = nas.Space.sample(space, draws)
        for one in (member, *space.neighbours(member)[:4]):
            network = space.canonical_id(one)
            known = seen.get(network)
            if known is None:
                seen[network] = one, _paths(space, one)
            elif known[0] != one:
                pairs += 1
                _same(space, known, one)
    return f"{pairs} pairs shared an id" if pairs else ""


def _same(
    space: nas.Space, known: tuple[nas.Architecture, tuple[int, ...]], one: nas.Architecture
) -> None:
    first, lengths = known
    found = _paths(space, one)
    require(
        found == lengths,
        f"{first.to_json()} and {one.to_json()} share the canonical id "
        f"{space.canonical_id(one)}, but their outputs depend on weights of other sizes: "
        f"{list(lengths)} and {list(found)}",
    )


def _paths(space: nas.Space, member: nas.Architecture) -> tuple[int, ...]:
    """Return the sizes of the parameters that the output depends on, in no order."""
    network, inputs = _built(space, member)
    network.eval()(inputs).square().sum().backward()
    grads = [p.grad for p in network.parameters() if p.grad is not None]
    return tuple(sorted(grad.numel() for grad in grads if bool(grad.any())))


@law("space")
def builds_what_it_declares(subject: Subject) -> None:
    """A network gives finite (batch, classes) in train and in eval mode, and finite gradients.

    `input_shape` and `classes` are what data sets are matched with. A parameter without any
    gradient is fine, a network without any is not.
    """
    space = subject.build()

    def holds(member: nas.Architecture, _: Rng) -> None:
        import torch

        network, inputs = _built(space, member)
        for mode in (True, False):
            out = network.train(mode)(inputs)
            expected = (len(inputs), space.classes)
            require(tuple(out.shape) == expected, f"its output is {tuple(out.shape)}")
            require(torch.isfinite(out).all(), "its output at initialisation is not finite")
            if out.requires_grad:
                out.square().sum().backward()
        grads = [p.grad for p in network.parameters() if p.grad is not None]
        require(grads or not list(network.parameters()), "no parameter was given a gradient")
        require(all(bool(torch.isfinite(g).all()) for g in grads), "a gradient is not finite")

    for_members(space, holds, NETWORKS)


@law("space")
def counts_without_building(subject: Subject) -> None:
    """Built on the meta device, without memory, a network has the parameters of the real one.

    `params` and `flops` are known before a network is in memory. Make tensors by torch's
    functions, and read no values in `build` and in constructors.
    """
    from nas.networks import build_on_meta, parameter_count

    space = subject.build()

    def holds(member: nas.Architecture, _: Rng) -> None:
        real = parameter_count(_built(space, member)[0])
        try:
            counted = parameter_count(build_on_meta(space, member))
        except nas.CandidateError as error:
            raise ConformanceError(str(error)) from error
        require(counted == real, f"{counted} parameters on the meta device, {real} in memory")

    for_members(space, holds, NETWORKS)


@law("space")
def the_seed_decides(subject: Subject) -> None:
    """The same seed draws the same architectures, and torch's seed the same initial weights.

    Draw from the generator that is given, and let torch initialise weights; `random` and numpy
    in `build` are not seeded.
    """
    import torch

    space = subject.build()
    with generators_untouched():
        first, again = (
            [space.sample(draws) for _ in range(10)] for draws in map(random.Random, (3, 3))
        )
    require(first == again, "the same seed has drawn different architectures")

    def holds(member: nas.Architecture, _: Rng) -> None:
        one, other = (_built(space, member)[0].state_dict() for _ in range(2))
        same = one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)
        require(same, "after the same torch.manual_seed the initial weights differ")

    for_members(space, holds, NETWORKS)


@law("space")
def its_graph_is_a_labelled_dag(subject: Subject) -> None:
    """The graph is a directed acyclic graph; its nodes and edges have labels.

    Graph kernels and graph encodings read `label`, a text, of every node and edge.
    """
    import networkx as nx

    space = subject.build()

    def holds(member: nas.Architecture, _: Rng) -> None:
        graph = space.graph(member)
        require(nx.is_directed_acyclic_graph(graph), "the graph has a cycle, or no direction")
        bare = [n for n, label in graph.nodes(data="label") if not isinstance(label, str)]
        bare += [(a, b) for a, b, label in graph.edges(data="label") if not isinstance(label, str)]
        require(not bare, f"{bare[:3]} have no label")

    for_members(space, holds)


@law("space")
def its_source_is_the_network(subject: Subject) -> None:
    """Where it writes networks as Python, that code with the weights gives the same outputs.

    `names` of `nas.NetworkSource` says what a weight is called in the code.
    """
    import torch

    space = subject.build()
    if space.source(space.sample(random.Random(0))) is None:
        raise Inapplicable("it offers no source")

    def holds(member: nas.Architecture, _: Rng) -> None:
        source = space.source(member)
        network, inputs = _built(space, member)
        names: dict[str, Any] = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional}
        exec(compile(source.code, "source", "exec", dont_inherit=True), names)
        written = names["Network"]().eval()
        state = {source.written(key): value for key, value in network.state_dict().items()}
        written.load_state_dict({k: v for k, v in state.items() if k is not None})
        with torch.no_grad():
            far = float((written(inputs) - network.eval()(inputs)).abs().max())
        require(np.isfinite(far) and far < 1e-4, f"the outputs differ by {far:g}")

    for_members(space, holds, NETWORKS)


def _built(space: nas.Space, member: nas.Architecture) -> tuple[torch.nn.Module, torch.Tensor]:
    """Return the network, always with the same weights, and a batch for it."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = space.build(member)
        return network, torch.randn(4, *space.input_shape)
