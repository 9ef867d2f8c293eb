"""Random networks over all layers, neurons and resets, with weights whose sums are exact in any order."""

import numpy as np

from eventflow.snn.layers import (
    AvgPool2d,
    Conv1d,
    Conv2d,
    Delay,
    DelayLinear,
    Flatten,
    Linear,
    Scale,
    SumPool2d,
    Threshold,
)
from eventflow.snn.model import Model
from eventflow.snn.neuron import Fires, Neuron, Reset


def exact(values):
    """Round to multiples of 2^-20."""
    return np.round(np.asarray(values) * 2**20) / 2**20


def weights(rng, *shape, scale=0.5):
    return exact(rng.normal(0.1, scale, shape))


def neuron(rng, shape, *, kind=None, reset=None, exact_decay=True):
    """A neuron of a kind (if, lif, cuba, cuba_exact, adaptive), coefficients one for all, a channel or a unit."""
    kind = kind or rng.choice(["if", "lif", "cuba", "cuba_exact", "adaptive"])
    resets = [Reset.ZERO, Reset.SUBTRACT, Reset.MULTISPIKE]
    resets += [] if kind == "adaptive" else [Reset.DELAYED, Reset.DELAYED_ZERO]
    resets += [Reset.CROSSING] if kind in ("if", "lif") else []
    reset = reset or resets[rng.integers(len(resets))]

    def spread(low, high):
        sizes = [(), (shape[0], *(1,) * (len(shape) - 1)), shape]
        return exact(rng.uniform(low, high, sizes[rng.integers(3)]))

    parts = {
        "decay": np.ones(()) if kind == "if" else spread(0.5, 0.99),
        "gain": np.ones(()) if kind == "if" else spread(0.3, 1.2),
        "offset": np.zeros(()) if kind == "if" or rng.random() < 0.5 else spread(-0.05, 0.004),
        "threshold": spread(0.5, 1.5),
        "reset": reset,
        "fires": Fires.AT if rng.random() < 0.5 else Fires.ABOVE,
        "v_reset": np.zeros(()) if rng.random() < 0.5 else spread(-0.3, 0.2),
        "v_start": np.zeros(()) if rng.random() < 0.7 else spread(-0.5, 0.9),
    }
    if kind.startswith("cuba"):
        parts |= {"current_decay": spread(0.3, 0.9), "current_gain": spread(0.5, 1.0)}
        if kind == "cuba_exact":
            parts["previous_gain"] = spread(0.0, 0.2)
    if kind == "adaptive":
        parts |= {
            "adaptation_decay": spread(0.5, 0.95),
            "adaptation_jump": spread(0.1, 0.5),
            "adaptation_strength": spread(0.2, 1.0),
        }
    return Neuron(**parts)


def convolution(rng, shape):
    """A Conv2d that fits (C, H, W)."""
    groups = int(rng.choice([g for g in (1, 1, 2, shape[0]) if shape[0] % g == 0]))
    kernel, stride, dilation = (rng.integers(1, 4, 2) for _ in range(3))
    padding = rng.integers(0, 3, (2, 2))
    room = np.array(shape[1:]) + padding.sum(1)
    kernel = np.minimum(kernel, (room - 1) // dilation + 1)
    out = groups * int(rng.integers(1, 6))
    return Conv2d(
        weight=weights(rng, out, shape[0] // groups, *kernel),
        bias=None if rng.random() < 0.7 else weights(rng, out, scale=0.02),
        stride=tuple(map(int, stride)),
        padding=tuple(tuple(map(int, side)) for side in padding),
        dilation=tuple(map(int, dilation)),
        groups=groups,
    )


def pool(rng, shape):
    kernel = np.minimum(rng.choice([1, 2, 4], 2), np.array(shape[1:]))
    kernel = 2 ** np.log2(kernel).astype(int)  # areas of 3 would make an average inexact
    padding = ((0, 0), (0, 0)) if rng.random() < 0.5 else ((int(kernel[0] > 1), 0), (0, int(kernel[1] > 1)))
    kind = SumPool2d if rng.random() < 0.5 else AvgPool2d
    return kind(kernel=tuple(map(int, kernel)), stride=tuple(map(int, rng.integers(1, 4, 2))), padding=padding)


def linear(rng, size):
    out = int(rng.integers(1, 20))
    bias = None if rng.random() < 0.7 else weights(rng, out, scale=0.02)
    if rng.random() < 0.6:
        return Linear(weight=weights(rng, out, size), bias=bias)
    return DelayLinear(weight=weights(rng, out, size), delay=rng.integers(0, 5, (out, size)), bias=bias)


def random_chain(rng, **kinds):
    """A chain of two to four blocks: something that connects or moves, then neurons most of the time."""
    shape = (int(rng.integers(1, 4)), int(rng.integers(4, 10)), int(rng.integers(4, 10)))
    layers = {}

    def add(name, layer):
        nonlocal shape
        layers[f"{len(layers)}_{name}"] = layer
        shape = layer.output_shape(shape)

    start = shape
    for _ in range(rng.integers(1, 4)):
        choice = rng.choice(["conv", "conv", "pool", "delay", "scale", "threshold"])
        if choice == "conv":
            add("conv", convolution(rng, shape))
        elif choice == "pool":
            add("pool", pool(rng, shape))
        elif choice == "delay":
            add("delay", Delay(steps=rng.integers(0, 4, shape)))
        elif choice == "scale":
            add("scale", Scale(scale=exact(rng.uniform(0.5, 1.5, (shape[0], 1, 1)))))
        else:
            add("threshold", Threshold(threshold=exact(rng.uniform(-0.1, 0.5, ()))))
        if rng.random() < 0.8:
            add("neuron", neuron(rng, shape, **kinds))
    if rng.random() < 0.3:
        add("flat_rows", Flatten(start=1))
        add("conv1d", Conv1d(weight=weights(rng, 3, shape[0], 2), stride=2, padding=(1, 0), dilation=1))
        add("neuron", neuron(rng, shape, **kinds))
    if len(shape) > 1:
        add("flat", Flatten())
    add("linear", linear(rng, shape[0]))
    add("neuron", neuron(rng, shape, **kinds))
    return Model.chain(start, layers, step_us=1000)


def random_inputs(rng, shape, steps, density=0.1):
    counts = rng.integers(1, 3, (steps, *shape)) * (rng.random((steps, *shape)) < density)
    counts[rng.random(steps) < 0.4] = 0
    return counts.astype(np.float64)
