"""The node kinds of NIR, each as the layer it is here. Times are in seconds there and in µs here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import h5py
import numpy as np

from eventflow.errors import ParameterError
from eventflow.snn import dynamics, layers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eventflow.snn.model import Layer
    from eventflow.snn.neuron import Array

_US_PER_S = 1e6
Sides: TypeAlias = "tuple[tuple[int, int], ...]"


class NirNode:
    """One node of an open NIR file: its fields, read with errors that name the file, the node and the field."""

    def __init__(self, path: Path, name: str, group: h5py.Group) -> None:
        self.path, self.name, self._group = path, name, group
        self.kind = self._text("type")

    def error(self, what: str) -> ParameterError:
        """Return the error that says `what` of this node."""
        return ParameterError(f"{self.path}: node {self.name!r}: {what}")

    def members(self) -> dict[str, NirNode]:
        """Return the nodes of a graph."""
        nodes = self._group.get("nodes")
        if not isinstance(nodes, h5py.Group):
            raise self.error("a NIRGraph without the group 'nodes'")
        prefix = "" if self.name == "the graph" else f"{self.name}/"
        if wrong := [name for name, group in nodes.items() if not isinstance(group, h5py.Group)]:
            raise self.error(f"its member {wrong[0]!r} is not a group, so not a node")
        return {name: NirNode(self.path, prefix + name, group) for name, group in nodes.items()}

    def edges(self) -> list[tuple[str, str]]:
        """Return the edges of a graph in the order of the file."""
        values = self._field("edges")
        if values.size == 0:
            return []
        if values.ndim != 2 or values.shape[1] != 2:
            raise self.error(f"its edges have shape {values.shape}, expected (edges, 2)")
        return [(_decoded(a), _decoded(b)) for a, b in values.tolist()]

    def has(self, name: str) -> bool:
        """Whether the field is there."""
        return name in self._group

    def array(self, name: str) -> Array:
        """Return a field of finite numbers."""
        values = self._field(name)
        if values.dtype.kind not in "fiub":
            raise self.error(f"{name} is {values.dtype}, expected numbers")
        if not np.isfinite(values).all():
            bad = int((~np.isfinite(values)).sum())
            raise self.error(f"{bad} of {values.size} values of {name} are not finite")
        array: Array = values if values.dtype.kind == "f" else values.astype(np.float64)
        return array

    def micros(self, name: str) -> Array:
        """Return a field of seconds in µs, float64."""
        return self.array(name).astype(np.float64) * _US_PER_S

    def integers(self, name: str, count: int | None = None) -> list[int]:
        """Return a field of whole numbers; a single number stands for `count` equal ones."""
        values = self._field(name)
        if values.dtype.kind not in "iuf" or (np.asarray(values, np.float64) % 1).any():
            raise self.error(f"{name} is {values!r}, expected whole numbers")
        numbers = [int(value) for value in values.ravel()]
        if count is not None and len(numbers) == 1:
            numbers *= count
        if count is not None and len(numbers) != count:
            raise self.error(f"{name} has {len(numbers)} values, expected {count}")
        return numbers

    def said_input(self) -> tuple[int, ...] | None:
        """Return what a convolution or Flatten says its input's last axes are, None where it says nothing."""
        name = next(
            (name for name in ("input_shape", "input_type") if isinstance(self._group.get(name), h5py.Dataset)), ""
        )
        if not name or self._field(name).dtype.kind not in "iuf":
            return None
        return tuple(self.integers(name))

    def padding(self, kernel: tuple[int, ...], dilation: list[int], stride: list[int]) -> Sides:
        """Return zeros before and after along each axis; "same" puts the odd one after, as torch does."""
        values = self._field("padding")
        if values.dtype.kind not in "OSU":
            return tuple((pad, pad) for pad in self.integers("padding", len(kernel)))
        word = _decoded(values.item())
        if word == "valid":
            return ((0, 0),) * len(kernel)
        if word != "same" or set(stride) != {1}:
            raise self.error(f"padding is {word!r} with stride {stride}; known are numbers, 'valid', 'same' (stride 1)")
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple((pad // 2, pad - pad // 2) for pad in total)

    def _field(self, name: str) -> Any:
        dataset = self._group.get(name)
        if not isinstance(dataset, h5py.Dataset):
            raise self.error(f"the field {name!r} is missing; there are {sorted(self._group)}")
        return np.asarray(dataset[()])

    def _text(self, name: str) -> str:
        return _decoded(self._field(name).item()) if self._field(name).size == 1 else ""


def _decoded(text: Any) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def _linear(node: NirNode) -> Layer:
    return layers.Linear(weight=node.array("weight"), bias=node.array("bias") if node.kind == "Affine" else None)


def _conv1d(node: NirNode) -> Layer:
    weight = node.array("weight")
    if weight.ndim != 3:
        raise node.error(f"weight has shape {weight.shape}, expected (out, in, width)")
    stride, dilation = node.integers("stride", 1), node.integers("dilation", 1)
    padding = node.padding(weight.shape[2:], dilation, stride)
    return layers.Conv1d(
        weight=weight,
        bias=node.array("bias") if node.has("bias") else None,
        stride=stride[0],
        dilation=dilation[0],
        padding=padding[0],
        groups=node.integers("groups", 1)[0],
    )


def _conv2d(node: NirNode) -> Layer:
    weight = node.array("weight")
    if weight.ndim != 4:
        raise node.error(f"weight has shape {weight.shape}, expected (out, in, height, width)")
    stride, dilation = node.integers("stride", 2), node.integers("dilation", 2)
    top, left = node.padding(weight.shape[2:], dilation, stride)
    return layers.Conv2d(
        weight=weight,
        bias=node.array("bias") if node.has("bias") else None,
        stride=(stride[0], stride[1]),
        dilation=(dilation[0], dilation[1]),
        padding=(top, left),
        groups=node.integers("groups", 1)[0],
    )


def _pool(node: NirNode) -> Layer:
    kind = layers.SumPool2d if node.kind == "SumPool2d" else layers.AvgPool2d
    kernel, stride, padding = (node.integers(name, 2) for name in ("kernel_size", "stride", "padding"))
    sides = ((padding[0], padding[0]), (padding[1], padding[1]))
    return kind(kernel=(kernel[0], kernel[1]), stride=(stride[0], stride[1]), padding=sides)


def _flatten(node: NirNode) -> Layer:
    return layers.Flatten(start=node.integers("start_dim", 1)[0], end=node.integers("end_dim", 1)[0])


def _v_reset(node: NirNode) -> Array:
    return node.array("v_reset") if node.has("v_reset") else np.zeros(())


def _if(node: NirNode) -> Layer:
    return dynamics.IF(r=node.array("r"), v_threshold=node.array("v_threshold"), v_reset=_v_reset(node))


def _li(node: NirNode) -> Layer:
    return dynamics.LI(tau_us=node.micros("tau"), r=node.array("r"), v_leak=node.array("v_leak"))


def _lif(node: NirNode) -> Layer:
    return dynamics.LIF(
        tau_us=node.micros("tau"),
        r=node.array("r"),
        v_leak=node.array("v_leak"),
        v_threshold=node.array("v_threshold"),
        v_reset=_v_reset(node),
    )


def _cuba(node: NirNode) -> dict[str, Array]:
    return {
        "tau_syn_us": node.micros("tau_syn"),
        "tau_mem_us": node.micros("tau_mem"),
        "r": node.array("r"),
        "v_leak": node.array("v_leak"),
        "w_in": node.array("w_in") if node.has("w_in") else np.ones(()),
    }


def _cuba_lif(node: NirNode) -> Layer:
    return dynamics.CubaLIF(**_cuba(node), v_threshold=node.array("v_threshold"), v_reset=_v_reset(node))


READERS: dict[str, Callable[[NirNode], Layer]] = {
    "Affine": _linear,
    "AvgPool2d": _pool,
    "Conv1d": _conv1d,
    "Conv2d": _conv2d,
    "CubaLI": lambda node: dynamics.CubaLI(**_cuba(node)),
    "CubaLIF": _cuba_lif,
    "Delay": lambda node: dynamics.TimeDelay(delay_us=node.micros("delay")),
    "Flatten": _flatten,
    "I": lambda node: dynamics.Integrator(r=node.array("r")),
    "IF": _if,
    "LI": _li,
    "LIF": _lif,
    "Linear": _linear,
    "Scale": lambda node: layers.Scale(scale=node.array("scale")),
    "SumPool2d": _pool,
    "Threshold": lambda node: layers.Threshold(threshold=node.array("threshold")),
}
"""NIR's kinds but Input, Output and NIRGraph, which make up the graph itself."""
