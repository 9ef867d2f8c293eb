"""Reading NIR graphs (Pedersen et al. 2024) from their HDF5 files, nested graphs opened, with nothing but h5py.

The equations come over as they stand, times in µs; what NIR does not say (the step, the reset) is asked for when the
network is made discrete, see `Model.discretise`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from eventflow.errors import ParameterError
from eventflow.snn.layers import Scale
from eventflow.snn.model import INPUT, Model
from eventflow.snn.nir_nodes import READERS, NirNode

if TYPE_CHECKING:
    from eventflow.snn.model import Layer
    from eventflow.snn.neuron import Shape
    from eventflow.snn.order import Edge

_ENDS = ("Input", "Output")


@dataclass
class _Opened:
    """A graph without nesting. `ends`: the Input and Output nodes, name -> (kind, shape); `said`: inputs' last axes."""

    layers: dict[str, Layer] = field(default_factory=dict)
    ends: dict[str, tuple[str, Shape]] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    said: dict[str, Shape] = field(default_factory=dict)


def read_nir(path: str | Path) -> Model:
    """Return the network of the NIR file `path`, not discrete yet.

    A node in a nested graph is called GRAPH/NODE.

    Raises:
        ParameterError: not a NIR file, a node of an unknown kind, a missing field, a value that is not finite, a shape
            that does not fit; file and node are named.
    """
    path = Path(path)
    try:
        with h5py.File(path) as file:
            opened = _open_graph(path, file)
    except OSError as error:
        raise ParameterError(f"{path}: cannot be read as a NIR file (HDF5): {error}") from None
    try:
        return _model(opened)
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}") from None


def _open_graph(path: Path, file: h5py.File) -> _Opened:
    root = file.get("node")
    if not isinstance(root, h5py.Group):
        raise ParameterError(f"{path}: an HDF5 file, but not of NIR: it has no group 'node'")
    node = NirNode(path, "the graph", root)
    if node.kind != "NIRGraph":
        raise ParameterError(f"{path}: holds a single {node.kind} node, expected a NIRGraph")
    opened = _Opened()
    _open_nodes(node, "", opened)
    return opened


def _open_nodes(graph: NirNode, prefix: str, opened: _Opened) -> None:
    """Add the nodes and edges of `graph` to `opened`; ends of nested graphs become nodes that pass on."""
    nested: dict[str, tuple[str, str]] = {}
    members = graph.members()
    for name, node in members.items():
        full = prefix + name
        if node.kind == "NIRGraph":
            _open_nodes(node, f"{full}/", opened)
            nested[name] = tuple(_only_end(node, f"{full}/", kind, opened) for kind in _ENDS)  # type: ignore[assignment]
        elif node.kind in _ENDS:
            opened.ends[full] = (node.kind, tuple(node.integers("shape")))
        elif node.kind in READERS:
            opened.layers[full] = READERS[node.kind](node)
            opened.said[full] = node.said_input() or ()
        else:
            raise node.error(f"NIR nodes of kind {node.kind!r} are unknown; known are {', '.join(sorted(READERS))}")
    for source, target in graph.edges():
        if missing := {source, target} - set(members):
            raise graph.error(
                f"an edge names {min(missing)!r}, which is no node of it; its nodes are {sorted(members)}"
            )
        begin = nested[source][1] if source in nested else prefix + source
        end = nested[target][0] if target in nested else prefix + target
        opened.edges.append((begin, end))


def _only_end(graph: NirNode, prefix: str, kind: str, opened: _Opened) -> str:
    names = [name for name, (end, _) in opened.ends.items() if end == kind and name.rpartition("/")[0] + "/" == prefix]
    if len(names) != 1:
        raise graph.error(f"has {len(names)} nodes of kind {kind}, expected one")
    return names[0]


def _model(opened: _Opened) -> Model:
    begin, finish = (_root_end(opened, kind) for kind in _ENDS)
    edges = [(INPUT if a == begin else a, b) for a, b in opened.edges]
    for name in opened.ends:
        if name not in (begin, finish):
            edges = _bridged(edges, name)
    edges = list(dict.fromkeys(edges))
    last = [a for a, b in edges if b == finish]
    layers = dict(opened.layers)
    if not last:
        raise ParameterError(f"no edge leads to the Output node {finish!r}")
    if len(last) == 1 and last[0] != INPUT:
        edges.remove((last[0], finish))
        output = last[0]
    else:  # an Output that sums several nodes, or the Input, stays as a layer that changes nothing
        layers[finish], output = Scale(scale=np.ones(())), finish
    model = Model(input_shape=opened.ends[begin][1], layers=layers, edges=tuple(edges), output=output)
    _check_said(model, opened.said, opened.ends[finish][1])
    return model


def _root_end(opened: _Opened, kind: str) -> str:
    names = [name for name, (end, _) in opened.ends.items() if end == kind and "/" not in name]
    if len(names) != 1:
        raise ParameterError(f"the graph has {len(names)} nodes of kind {kind}, expected one: {names}")
    return names[0]


def _bridged(edges: list[Edge], name: str) -> list[Edge]:
    """Return `edges` with every way through the node `name` as an edge of its own."""
    before = [a for a, b in edges if b == name]
    after = [b for a, b in edges if a == name]
    return [edge for edge in edges if name not in edge] + [(a, b) for a in before for b in after]


def _check_said(model: Model, said: dict[str, Shape], output: Shape) -> None:
    """Raise ParameterError unless shapes are as nodes say; axes of one element do not count for the Output."""
    for name, shape in said.items():
        if shape and model.input_shapes[name][-len(shape) :] != shape:
            raise ParameterError(f"node {name!r} says its input is {shape}, it gets {model.input_shapes[name]}")
    if _plain(output) != _plain(model.output_shape):
        raise ParameterError(f"the Output node says {output}, the network puts out {model.output_shape}")


def _plain(shape: Any) -> Shape:
    return tuple(int(size) for size in shape if size != 1)
