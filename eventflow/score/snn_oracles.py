"""The neurons and layers of other libraries beside ours, each over random input; needs torch and those libraries."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from eventflow.errors import missing_extra
from eventflow.score.snn_agreement import BATCH, STEPS, Comparison
from eventflow.snn.from_snntorch import from_snntorch
from eventflow.snn.from_spikingjelly import from_spikingjelly
from eventflow.snn.layers import Delay, DelayLinear, SumPool2d
from eventflow.snn.model import Model
from eventflow.snn.network_file import read_network

try:
    import snntorch
    from spikingjelly.activation_based import functional, layer, neuron
except ImportError as error:
    raise missing_extra(
        str(error.name), "snn", "comparing neurons with other libraries (./dev setup installs them)"
    ) from None

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from eventflow.snn.neuron import Array

_GRID = 2.0**-10


def comparisons() -> Iterator[Callable[[], Comparison]]:
    """Yield every comparison that needs no file, each as a function that makes it."""
    for name, node in _spikingjelly_neurons().items():
        yield partial(_spikingjelly, name, node)
    for name, cell in _snntorch_neurons().items():
        yield partial(_snntorch, name, cell)
    for name, (module, shape) in _torch_layers().items():
        yield partial(_stateless, name, module, shape)
    yield _delay
    yield _delay_linear
    yield _sum_pool


def braille(path: Path) -> Comparison:
    """Return the NIR graph `path` beside spikingjelly's import of it, for random spikes.

    Its recurrent connection acts on the spikes of the present step there, and reaches the neuron in the next.
    """
    from dataclasses import replace

    from spikingjelly.activation_based.nir_exchange import import_from_nir

    model = read_network(path, step_us=100, reset="zero", rule="euler", drive="current")
    model = replace(model, feedback=frozenset({("lif1.w_rec", "lif1.lif")}))
    spikes = _spikes(model.input_shape, 0.3)
    module = import_from_nir(path, dt=1e-4, dtype=torch.float64)
    outputs, state = [], None
    for frame in torch.from_numpy(spikes):
        out, state = module(frame, state)
        outputs.append(out)
    expected = torch.stack(outputs).detach().numpy()
    return Comparison(f"NIR {path.stem}", "spikingjelly import_from_nir", model, spikes, expected)


def _spikingjelly_neurons() -> dict[str, Any]:
    nodes: dict[str, Any] = {}
    for word, v_reset in (("zero", 0.0), ("to -0.25", -0.25), ("subtract", None)):
        nodes[f"IF, {word}"] = neuron.IFNode(v_reset=v_reset)
        nodes[f"LIF tau 2, {word}"] = neuron.LIFNode(tau=2.0, v_reset=v_reset)
        nodes[f"LIF tau 4, input whole, {word}"] = neuron.LIFNode(tau=4.0, decay_input=False, v_reset=v_reset)
        nodes[f"PLIF, {word}"] = neuron.ParametricLIFNode(init_tau=3.0, v_reset=v_reset)
        nodes[f"CuBa-LIF, {word}"] = neuron.CUBALIFNode(c_decay=0.5, v_decay=0.75, v_reset=v_reset)
    nodes["MPBN-LIF, folded"] = _folded_mpbn()
    return nodes


def _folded_mpbn() -> Any:
    node = neuron.MPBNLIFNode(tau=4 / 3, out_features=8)
    chance = torch.Generator().manual_seed(3)
    node.vbn.running_mean.copy_(torch.randn(8, generator=chance) * 0.2)
    node.vbn.running_var.copy_(torch.rand(8, generator=chance) + 0.5)
    node.vbn.weight.data.copy_(torch.rand(8, generator=chance) + 0.5)
    node.re_parameterize_v_threshold()
    return node


def _snntorch_neurons() -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for word in ("subtract", "zero"):
        cells[f"Leaky, {word}"] = snntorch.Leaky(beta=0.75, reset_mechanism=word)
        cells[f"Synaptic, {word}"] = snntorch.Synaptic(alpha=0.5, beta=0.75, reset_mechanism=word)
        cells[f"RLeaky, {word}"] = snntorch.RLeaky(beta=0.75, linear_features=8, reset_mechanism=word)
        cells[f"RSynaptic, {word}"] = snntorch.RSynaptic(alpha=0.5, beta=0.75, linear_features=8, reset_mechanism=word)
    cells["Leaky, zero at once"] = snntorch.Leaky(beta=0.75, reset_mechanism="zero", reset_delay=False)
    cells["RLeaky, one to one"] = snntorch.RLeaky(beta=0.75, V=0.5, all_to_all=False)
    return cells


def _torch_layers() -> dict[str, tuple[Any, tuple[int, ...]]]:
    nn = torch.nn
    return {
        "Conv2d 5x5, stride 2, padding 1": (nn.Conv2d(2, 4, 5, 2, 1), (2, 13, 12)),
        "Conv2d 3x3, groups 2, dilation 2": (nn.Conv2d(4, 6, 3, groups=2, dilation=2, bias=False), (4, 9, 8)),
        "Conv2d 4x3, padding same": (nn.Conv2d(2, 3, (4, 3), padding="same"), (2, 7, 8)),
        "Conv1d 5, stride 2, padding 2": (nn.Conv1d(3, 5, 5, 2, 2), (3, 17)),
        "Linear": (nn.Linear(8, 5), (8,)),
        "AvgPool2d 3x2, padding 1": (nn.AvgPool2d((3, 2), 2, 1), (2, 8, 9)),
        "Flatten": (nn.Flatten(), (2, 3, 4)),
        "Conv2d, BatchNorm2d": (nn.Sequential(nn.Conv2d(2, 4, 3), _normalised(4)), (2, 6, 6)),
    }


def _normalised(channels: int) -> Any:
    norm = torch.nn.BatchNorm2d(channels).eval()
    norm.running_mean += torch.linspace(-1, 1, channels)
    norm.running_var *= 2
    return norm


def _spikingjelly(name: str, node: Any) -> Comparison:
    module = _drawn(torch.nn.Sequential(layer.Linear(6, 8), node))
    spikes = _spikes((6,), 0.4)
    functional.reset_net(module)
    expected = [module(frame) for frame in torch.from_numpy(spikes)]
    model = from_spikingjelly(module, (6,))
    return Comparison(
        name, f"spikingjelly {type(node).__name__}", model, spikes, torch.stack(expected).detach().numpy()
    )


def _snntorch(name: str, cell: Any) -> Comparison:
    connection = _drawn(torch.nn.Linear(6, 8))
    cell = _drawn(cell)
    spikes = _spikes((6,), 0.4)
    expected, state = [], _first_state(cell)
    with torch.no_grad():
        for frame in torch.from_numpy(spikes):
            out, *state = cell(connection(frame), *state)
            expected.append(out)
            if hasattr(
                cell, "recurrent"
            ):  # it takes its spikes back, which it puts out in float32 whatever it is given
                state = [out.double(), *state]
    model = from_snntorch(torch.nn.Sequential(connection, cell), (6,))
    return Comparison(name, f"snntorch {type(cell).__name__}", model, spikes, torch.stack(expected).numpy())


def _first_state(cell: Any) -> list[Any]:
    parts = {"Leaky": 1, "Synaptic": 2, "RLeaky": 2, "RSynaptic": 3}[type(cell).__name__]
    return [torch.zeros(BATCH, 8, dtype=torch.float64) for _ in range(parts)]


def _stateless(name: str, module: Any, shape: tuple[int, ...]) -> Comparison:
    module = _drawn(module)
    counts = _spikes(shape, 0.3)
    with torch.no_grad():
        expected = torch.stack([module(frame) for frame in torch.from_numpy(counts)]).numpy()
    tolerance = 1e-12 if "BatchNorm" in name else 0.0  # folding multiplies before it adds
    return Comparison(name, "torch", from_spikingjelly(module, shape), counts, expected, tolerance)


def _delay() -> Comparison:
    module = layer.Delay(delay_steps=3, step_mode="s")
    spikes = _spikes((8,), 0.4)
    expected = torch.stack([module(frame) for frame in torch.from_numpy(spikes)]).numpy()
    model = Model.chain((8,), {"delay": Delay(steps=np.full(8, 3))})
    return Comparison("Delay of 3 steps", "spikingjelly Delay", model, spikes, expected)


def _delay_linear() -> Comparison:
    chance = np.random.default_rng(4)
    weight, delay = _on_grid(chance.normal(size=(5, 8))), chance.integers(0, 6, (5, 8))
    spikes = _spikes((8,), 0.4)
    kernel = np.zeros((5, 8, 6))
    np.put_along_axis(kernel, 5 - delay[..., None], weight[..., None], 2)
    padded = torch.nn.functional.pad(torch.from_numpy(spikes).permute(1, 2, 0), (5, 0))
    expected = torch.nn.functional.conv1d(padded, torch.from_numpy(kernel)).permute(2, 0, 1).numpy()
    model = Model.chain((8,), {"delays": DelayLinear(weight=weight, delay=delay)})
    return Comparison("Linear with delays up to 5", "torch conv1d over time", model, spikes, expected)


def _sum_pool() -> Comparison:
    counts = _spikes((3, 8, 9), 0.4)
    pool = torch.nn.LPPool2d(1, (2, 3), (2, 1))
    expected = torch.stack([pool(frame) for frame in torch.from_numpy(counts)]).numpy()
    model = Model.chain((3, 8, 9), {"pool": SumPool2d(kernel=(2, 3), stride=(2, 1))})
    return Comparison("SumPool2d 2x3", "torch LPPool2d, p 1", model, counts, np.rint(expected))


def _drawn(module: Any) -> Any:
    """Return `module` in float64, with connections drawn anew on a grid on which sums are exact."""
    chance = torch.Generator().manual_seed(11)
    module = module.double().eval()
    for part in module.modules():
        if isinstance(part, torch.nn.Linear | torch.nn.Conv1d | torch.nn.Conv2d):
            for values in part.parameters():
                drawn = torch.randn(values.shape, generator=chance, dtype=torch.float64) * 1.2
                values.data.copy_(torch.round(drawn / _GRID) * _GRID)
    return module


def _on_grid(values: Array) -> Array:
    return np.asarray(np.rint(values / _GRID) * _GRID)


def _spikes(shape: tuple[int, ...], rate: float) -> Array:
    drawn = np.random.default_rng(5).random((STEPS, BATCH, *shape)) < rate
    return drawn.astype(np.float64)
