"""Whether every neuron and layer of spiking networks does, step for step, what it does in another library."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.snn.engine import State
    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Array

STEPS, BATCH = 60, 3


@dataclass(frozen=True)
class Comparison:
    """A network here and the same thing elsewhere.

    Attributes:
        name: the neuron or layer.
        reference: what it is compared with.
        model: the network, discrete.
        inputs: (T, batch, *input_shape).
        expected: the reference's outputs, (T, batch, …).
        tolerance: how far outputs may lie apart; 0 for equal.
    """

    name: str
    reference: str
    model: Model
    inputs: Array
    expected: Array
    tolerance: float = 0.0


@dataclass(frozen=True)
class Row:
    """What a comparison came to: `largest` difference, whether within tolerance, whether streamed as in a batch."""

    name: str
    reference: str
    values: int
    active: float
    largest: float
    tolerance: float
    streamed: bool

    @property
    def agrees(self) -> bool:
        """Whether it is what its reference is, and cutting the stream changes nothing."""
        return self.largest <= self.tolerance and self.streamed

    def text(self) -> str:
        """Return the line of a table."""
        how = "equal" if self.largest == 0 else f"{self.largest:.1e}"
        streamed = "yes" if self.streamed else "NO"
        return f"{self.name:39}{self.reference:33}{how:10}{self.active:>7.1%}  {self.values:>8}  {streamed}"


HEADER = f"{'neuron or layer':39}{'reference':33}{'outputs':10}{'active':>7}  {'values':>8}  batch = streamed"


def compared(comparison: Comparison) -> Row:
    """Run the network in float64, layer by layer over all steps and again cut into steps, and compare."""
    import torch

    from eventflow.snn.torch_network import TorchNetwork
    from eventflow.snn.torch_threads import one_thread

    network = TorchNetwork(comparison.model, "float64").requires_grad_(False)
    with one_thread(), torch.inference_mode():
        batch = network(torch.from_numpy(comparison.inputs))[0].numpy()
    largest = float(np.abs(batch - comparison.expected).max(initial=0))
    return Row(
        name=comparison.name,
        reference=comparison.reference,
        values=batch.size,
        active=float((batch != 0).mean()),
        largest=largest if batch.shape == comparison.expected.shape else np.inf,
        tolerance=comparison.tolerance,
        streamed=is_streamed(comparison.model, comparison.inputs, batch),
    )


def is_streamed(model: Model, inputs: Array, batch: Array) -> bool:
    """Whether single streams, step by step, their state put away and fetched back halfway, give what the batch gave.

    Spikes have to be equal. Where v itself is the output it may differ by rounding, since a product of matrices adds in
    another order for another batch.
    """
    from eventflow.snn.torch_network import TorchEngine

    engine = TorchEngine(model, "float64")
    half = len(inputs) // 2
    for stream in range(inputs.shape[1]):
        state = engine.start()
        first, state = engine.run(inputs[:half, stream], state)
        second, _ = engine.run(inputs[half:, stream], put_away_and_back(state))
        if not np.allclose(np.concatenate([first, second]), batch[:, stream], rtol=1e-12, atol=1e-12):
            return False
    return True


def put_away_and_back(state: State) -> State:
    """Return `state` after a way through bytes, without pickle."""
    file = BytesIO()
    np.savez(file, **state)  # type: ignore[arg-type]
    file.seek(0)
    with np.load(file) as archive:
        return dict(archive)


def table(comparisons: list[Callable[[], Comparison]]) -> list[Row]:
    """Return a row for every comparison."""
    return [compared(make()) for make in comparisons]
