"""The NAS-Bench-201 topology space: 15,625 cells in a fixed skeleton."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas import Architecture, Categorical, NetworkSource, Space, checks
from nas_cells import cell
from nas_cells.canonical import canonical_cell
from nas_cells.cell import EDGES, OPERATIONS, OUTPUT, Edge, edge_name

if TYPE_CHECKING:
    import networkx as nx
    import torch


@dataclass(frozen=True)
class NAS201(Space):
    """The cell space of NAS-Bench-201 (Dong & Yang, ICLR 2020, arXiv:2001.00326).

    Each of the 6 edges of a cell carries one of 5 operations. The defaults are the benchmark's
    network for CIFAR-10.

    Args:
        cells: cells in each of the 3 stages.
        channels: of the first stage; the second and third have twice and four times as many.
        classes: outputs of a network.
        input_shape: ``(channels, height, width)`` of one image.
        operations: that an edge may carry; by default all five.
    """

    cells: int = 5
    channels: int = 16
    classes: int = 10
    input_shape: tuple[int, ...] = (3, 32, 32)
    operations: tuple[str, ...] = OPERATIONS

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_shape", tuple(self.input_shape))
        if len(self.input_shape) != 3 or not all(map(_is_count, self.input_shape)):
            raise ValueError(
                "input_shape must be (channels, height, width) of an image, such as (3, 32, 32), "
                f"not {self.input_shape}"
            )
        for name in ("cells", "channels", "classes"):
            checks.whole(name, getattr(self, name), 1)
        self._check_operations()

    def _check_operations(self) -> None:
        if isinstance(self.operations, str) or not isinstance(self.operations, Sequence):
            raise ValueError(f"operations must be a list of names, not {self.operations!r}")
        object.__setattr__(self, "operations", tuple(self.operations))
        for operation in self.operations:
            checks.one_of("each of operations", operation, OPERATIONS)
        if not self.operations or len(set(self.operations)) < len(self.operations):
            raise ValueError(
                f"operations must be at least one, each once, not {list(self.operations)}"
            )

    @property
    def decisions(self) -> Sequence[Categorical]:
        """One for each edge, ``edge_0_1`` to ``edge_2_3``, in the order of the official text."""
        return [Categorical(edge_name(edge), self.operations) for edge in EDGES]

    def format(self, architecture: Architecture) -> str:
        """Return the official text, ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``."""
        return cell.write(self._operations(architecture))

    def parse(self, text: str) -> Architecture:
        """Read the official text, inputs in the official order.

        Raises:
            SpaceError: naming what is wrong in it.
        """
        return self.architecture(
            {edge_name(edge): operation for edge, operation in cell.read(text).items()}
        )

    def canonical_form(self, architecture: Architecture) -> str:
        """Return a text that cells share exactly if they are the same network.

        ``nas_cells.canonical`` says what that means. Cells of one form can differ in weights that
        never reach the output: the benchmark builds them, and so does ``build``.
        """
        operations = self._operations(architecture)
        return canonical_cell(tuple(operations[edge] for edge in EDGES)).form

    def graph(self, architecture: Architecture) -> nx.DiGraph[Any]:
        """Return the cell: 4 nodes and all 6 edges, ``none`` among them.

        A node's ``label`` is ``input``, ``node 1``, ``node 2`` or ``output``; an edge's is its
        operation. An edge's ``live`` tells whether the output depends on it.
        """
        import networkx as nx

        operations = self._operations(architecture)
        live = cell.live_edges(operations)
        labels = ["input", *(f"node {i}" for i in range(1, OUTPUT)), "output"]
        graph: nx.DiGraph[Any] = nx.DiGraph()
        graph.add_nodes_from((i, {"label": label}) for i, label in enumerate(labels))
        graph.add_edges_from(
            (*edge, {"label": operations[edge], "live": edge in live}) for edge in EDGES
        )
        return graph

    def build(self, architecture: Architecture) -> torch.nn.Module:
        """Return the untrained network: ``(batch, *input_shape)`` to ``(batch, classes)``.

        Weights that cannot reach the output are built, as in the benchmark, but never computed
        with; their gradient stays None.
        """
        from nas_cells.network import Network

        return Network(
            self._operations(architecture),
            cells=self.cells,
            channels=self.channels,
            classes=self.classes,
            image_channels=self.input_shape[0],
        )

    def source(self, architecture: Architecture) -> NetworkSource:
        """Return the network as Python that needs only torch, without what has no effect."""
        from nas_cells.source import Skeleton, source

        skeleton = Skeleton(self.cells, self.channels, self.classes, self.input_shape)
        return source(self._operations(architecture), skeleton)

    def _operations(self, architecture: Architecture) -> dict[Edge, str]:
        member = self.architecture(architecture)
        return {edge: str(member[edge_name(edge)]) for edge in EDGES}


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value >= 1
