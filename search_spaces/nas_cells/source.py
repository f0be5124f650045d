"""NAS-Bench-201 networks written out in Python: what has no effect is left out, and said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import indent

from nas import NetworkSource
from nas_cells.cell import (
    CONV_3X3,
    CONVOLUTIONS,
    EDGES,
    NONE,
    OUTPUT,
    POOL,
    Edge,
    Operations,
    edge_name,
    live_edges,
    write,
)

_STAGES = (1, 2, 3)
_POOL = "self.pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)"

_RELU_CONV_BN = '''\
def relu_conv_bn(inputs, outputs, kernel, stride=1):
    """(batch, inputs, h, w) to (batch, outputs, ceil(h / stride), ceil(w / stride))."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )
'''

_REDUCTION = '''\
class Reduction(nn.Module):
    """Residual block: (batch, inputs, h, w) to (batch, outputs, ceil(h / 2), ceil(w / 2))."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv_a = relu_conv_bn(inputs, outputs, 3, stride=2)
        self.conv_b = relu_conv_bn(outputs, outputs, 3)
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, stride=2, ceil_mode=True), nn.Conv2d(inputs, outputs, 1, bias=False)
        )

    def forward(self, x):
        return self.shortcut(x) + self.conv_b(self.conv_a(x))
'''

_NETWORK = '''\
class Network(nn.Module):
    """{summary}"""

    def __init__(self):
        super().__init__()
{layers}

    def forward(self, x):  # (batch, {channels}, {height}, {width})
{steps}
'''

_CONSTANT = """\
The same answer for every image: the cell's output does not depend on its input.

    The stem, the reductions, and every cell but the last have no effect and are left out.
    """


@dataclass(frozen=True)
class Skeleton:
    """The part of a network that all cells share; the arguments are those of ``NAS201``."""

    cells: int
    channels: int
    classes: int
    input_shape: tuple[int, ...]

    def shape(self, stage: int) -> tuple[int, int, int]:
        """Return channels, height and width in a stage."""
        _, height, width = self.input_shape
        halvings = stage - 1
        return self.channels << halvings, -(-height >> halvings), -(-width >> halvings)

    @property
    def places(self) -> dict[str, str]:
        """Return the names of the cells, in order: the built and the written network's."""
        if self.cells == 1:
            return {f"{_stage(stage)}.0": _stage(stage) for stage in _STAGES}
        names = [f"{_stage(stage)}.{cell}" for stage in _STAGES for cell in range(self.cells)]
        return dict(zip(names, names, strict=True))


def source(operations: Operations, skeleton: Skeleton) -> NetworkSource:
    """Return the source of the network with this cell."""
    flow = _Flow(operations)
    if flow.depends_on_input:
        code = [_RELU_CONV_BN, _REDUCTION, _cell(flow), _network(flow, skeleton)]
        return NetworkSource("\n\n".join(code), _names(flow, skeleton.places))
    code = [_RELU_CONV_BN] if any(map(flow.convolves, flow.live)) else []
    code += [_cell(flow)] if flow.live else []
    code += [_constant_network(flow, skeleton)]
    names = dict.fromkeys(("stem", "reduction_2", "reduction_3", *map(_stage, _STAGES)))
    last = [*skeleton.places][-1]
    return NetworkSource("\n\n".join(code), {**names, **_names(flow, {last: "cell"})})


def _stage(number: int) -> str:
    return f"stage_{number}"


def _names(flow: _Flow, places: Mapping[str, str]) -> dict[str, str | None]:
    return {
        f"{cell}.edges.{name}": written and f"{place}.{written}"
        for cell, place in places.items()
        for name, written in flow.names()
    }


class _Flow:
    """What flows through a cell's nodes."""

    def __init__(self, operations: Operations) -> None:
        self.operations = operations
        self.live = live_edges(operations)
        self._into = {node: [e for e in self.live if e[1] == node] for node in range(OUTPUT + 1)}

    @property
    def depends_on_input(self) -> bool:
        """Whether the cell's output does."""
        return self._depends(OUTPUT)

    def _depends(self, node: int) -> bool:
        return node == 0 or any(self._depends(source) for source, _ in self._into[node])

    def zero(self, node: int) -> bool:
        """Tell whether nothing comes into a node."""
        return node != 0 and not self._into[node]

    def _flat(self, node: int) -> bool:
        """Tell whether a node has one value per channel, all over the image."""
        return node != 0 and all(self._passes_flat(edge) for edge in self._into[node])

    def _passes_flat(self, edge: Edge) -> bool:
        if self.operations[edge] == CONV_3X3:  # at the border it sees zeros beside its source
            return self.zero(edge[0])
        return self._flat(edge[0])

    def convolves(self, edge: Edge) -> bool:
        """Tell whether an edge is a convolution of something."""
        return self.operations[edge] in CONVOLUTIONS and not self.zero(edge[0])

    def shifts(self, edge: Edge) -> bool:
        """Tell whether it is a convolution of zero, of which batch norm's shift remains."""
        return self.operations[edge] in CONVOLUTIONS and self.zero(edge[0])

    def pools(self, edge: Edge) -> bool:
        """Tell whether it is a pooling that changes something."""
        return self.operations[edge] == POOL and not self._flat(edge[0])

    @property
    def weighs(self) -> bool:
        """Whether the written cell has layers."""
        return any(self.operations[e] in CONVOLUTIONS or self.pools(e) for e in self.live)

    def names(self) -> Iterator[tuple[str, str | None]]:
        """Yield what has weights: the name in a built cell, and in a written one or None."""
        for edge in EDGES:
            if self.operations[edge] not in CONVOLUTIONS:
                continue
            used = edge in self.live and self.convolves(edge)
            yield edge_name(edge), edge_name(edge) if used else None
            if edge in self.live and self.shifts(edge):
                yield f"{edge_name(edge)}.2", f"shift_{edge[0]}_{edge[1]}"

    def term(self, edge: Edge) -> str:
        """Return what an edge adds to its target, as Python."""
        node = f"node_{edge[0]}"
        if self.convolves(edge):
            return f"self.{edge_name(edge)}({node})"
        if self.shifts(edge):
            return f"self.shift_{edge[0]}_{edge[1]}(torch.zeros_like(node_0))"
        return f"self.pool({node})" if self.pools(edge) else node

    def left_out(self) -> Iterator[str]:
        """Yield what the built cell has and the written one does not, and why."""
        for edge in EDGES:
            name = f"{edge_name(edge)} ({self.operations[edge]})"
            if self.operations[edge] == NONE:
                yield f"{name}."
            elif edge not in self.live:
                yield f"{name}: the output does not depend on it."
            elif self.operations[edge] == POOL and not self.pools(edge):
                yield f"{name}: its source is constant over the image, which pooling keeps."
            elif self.shifts(edge):
                yield f"{name}: its source is zero, so that batch norm's shift is all of it."


def _cell(flow: _Flow) -> str:
    layers = []
    for edge in flow.live:
        kernel = 3 if flow.operations[edge] == CONV_3X3 else 1
        if flow.convolves(edge):
            layer = f"relu_conv_bn(channels, channels, {kernel})"
            layers.append(f"self.{edge_name(edge)} = {layer}")
        elif flow.shifts(edge):
            layers.append(f"self.shift_{edge[0]}_{edge[1]} = nn.BatchNorm2d(channels)")
    if any(flow.pools(edge) for edge in flow.live):
        layers.append(_POOL)
    lines = ["class Cell(nn.Module):", f'    """{write(flow.operations)}', ""]
    lines.append("    Every node is (batch, channels, height, width).")
    if left_out := [*flow.left_out()]:
        lines += ["", "    Without effect and left out:", *(f"    - {text}" for text in left_out)]
    lines.append('    """')
    if layers:
        lines += ["", "    def __init__(self, channels):", "        super().__init__()"]
        lines += [f"        {layer}" for layer in layers]
    lines += ["", "    def forward(self, node_0):"]
    for node in range(1, OUTPUT + 1):
        terms = [flow.term(edge) for edge in flow.live if edge[1] == node]
        if terms:
            lines.append(f"        node_{node} = {' + '.join(terms)}")
    return "\n".join([*lines, f"        return node_{OUTPUT}", ""])


def _made(flow: _Flow, channels: int) -> str:
    return f"Cell({channels})" if flow.weighs else "Cell()"


def _network(flow: _Flow, skeleton: Skeleton) -> str:
    cells, channels = skeleton.cells, skeleton.channels
    stem = f"nn.Conv2d({skeleton.input_shape[0]}, {channels}, 3, padding=1, bias=False)"
    layers = [f"self.stem = nn.Sequential({stem}, nn.BatchNorm2d({channels}))"]
    steps = [f"x = self.stem(x)  # (batch, {_spell(skeleton.shape(1))})"]
    for stage in _STAGES:
        width, *_ = shape = skeleton.shape(stage)
        if stage > 1:
            layers.append(f"self.reduction_{stage} = Reduction({width // 2}, {width})")
            steps.append(f"x = self.reduction_{stage}(x)  # (batch, {_spell(shape)})")
        cell = _made(flow, width)
        several = f"nn.Sequential(*({cell} for _ in range({cells})))"
        layers.append(f"self.stage_{stage} = {cell if cells == 1 else several}")
        steps.append(f"x = self.stage_{stage}(x)  # (batch, {_spell(shape)})")
    count = f"{cells} cell{'s' if cells > 1 else ''}"
    summary = f"Stem, three stages of {count} with reductions between them, classifier."
    return _written(summary, layers, steps, skeleton)


def _constant_network(flow: _Flow, skeleton: Skeleton) -> str:
    width, *_ = shape = skeleton.shape(_STAGES[-1])
    layers = []
    steps = [f"x = x.new_zeros(len(x), {_spell(shape)})"]
    if flow.live:
        layers.append(f"self.cell = {_made(flow, width)}")
        steps.append(f"x = self.cell(x)  # (batch, {_spell(shape)})")
    return _written(_CONSTANT, layers, steps, skeleton)


def _written(summary: str, layers: list[str], steps: list[str], skeleton: Skeleton) -> str:
    """Return the class, with what all networks end with."""
    width, *_ = skeleton.shape(_STAGES[-1])
    channels, height, image_width = skeleton.input_shape
    last = [
        f"self.last = nn.Sequential(nn.BatchNorm2d({width}), nn.ReLU())",
        f"self.classifier = nn.Linear({width}, {skeleton.classes})",
    ]
    end = [
        f"x = self.last(x).mean(dim=(2, 3))  # (batch, {width})",
        f"return self.classifier(x)  # (batch, {skeleton.classes})",
    ]
    return _NETWORK.format(
        summary=summary,
        layers=indent("\n".join([*layers, *last]), " " * 8),
        steps=indent("\n".join([*steps, *end]), " " * 8),
        channels=channels,
        height=height,
        width=image_width,
    )


def _spell(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))
