"""Loops of a two-layer network whose spikes are amplitudes: one presentation at a time, as its rules are online."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIMIT = 10.0
SMALLEST = 1e-6
CEILING = 0.9


@jit
def _drive(row: NDArray[np.float32], inputs: NDArray[np.float32]) -> np.float32:
    """Return the weighted sum of one neuron's inputs, added in order."""
    total = np.float32(0.0)
    for i in range(inputs.shape[0]):
        total += row[i] * inputs[i]
    return total


@jit
def _spike(net: np.float32, threshold: np.float32) -> np.float32:
    """Return the amplitude of a neuron's spike: earlier, so larger, the more its drive exceeds the threshold."""
    return min(max(net - threshold, np.float32(0.0)), np.float32(CEILING))


@jit
def _bounded(weight: np.float32, sign: int) -> np.float32:
    """Return a weight on its own side of zero: an excitatory synapse never turns inhibitory, nor the reverse."""
    if sign > 0:
        return min(max(weight, np.float32(SMALLEST)), np.float32(LIMIT))
    return max(min(weight, np.float32(-SMALLEST)), np.float32(-LIMIT))


@jit
def train_features(
    weights: NDArray[np.float32],
    signs: NDArray[np.int8],
    thresholds: NDArray[np.float32],
    targets: NDArray[np.float32],
    inputs: NDArray[np.float32],
    order: NDArray[np.int64],
    stdp: np.float32,
    plasticity: np.float32,
) -> None:
    """Let features find themselves: STDP towards an amplitude of a half, thresholds towards each one's target rate.

    Args:
        weights: float32 (features, inputs), changed in place.
        signs: int8 (features, inputs); 1 excitatory, -1 inhibitory, 0 not connected.
        thresholds: float32 (features,), changed in place; never negative.
        targets: float32 (features,); the amplitude that each feature should have on average.
        inputs: float32 (examples, inputs); amplitudes 0..1.
        order: int64 (steps,); the example of each step.
        stdp: float32; learning rate of the weights at the first step, falling with the square of what is left.
        plasticity: float32; learning rate of the thresholds at the first step, falling alike.
    """
    steps = order.shape[0]
    for step in range(steps):
        left = np.float32((steps - step) / steps)
        rate, adapt = stdp * left * left, plasticity * left * left
        shown = inputs[order[step]]
        for f in range(weights.shape[0]):
            net = _drive(weights[f], shown)
            spike = _spike(net, thresholds[f])
            pull = rate * (np.float32(0.5) - spike) if spike > 0 else np.float32(0.0)
            balance = np.float32(1.0) + np.float32(50.0) * rate * net
            for i in range(shown.shape[0]):
                sign = signs[f, i]
                if sign == 0:
                    continue
                weight = weights[f, i]
                if shown[i] > 0:
                    weight += pull
                if sign < 0:
                    weight *= balance
                weights[f, i] = _bounded(weight, sign)
            thresholds[f] = max(thresholds[f] + adapt * (spike - targets[f]), np.float32(0.0))


@jit
def spikes_of(
    weights: NDArray[np.float32], thresholds: NDArray[np.float32], shown: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    """Write the amplitude of each feature's spike into `out`, float32 (features,); sums are taken in order."""
    for f in range(weights.shape[0]):
        out[f] = _spike(_drive(weights[f], shown), thresholds[f])


@jit
def drives_of(weights: NDArray[np.float32], shown: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write the weighted sum of each neuron's inputs into `out`, float32 (neurons,); sums are taken in order."""
    for neuron in range(weights.shape[0]):
        out[neuron] = _drive(weights[neuron], shown)


@jit
def train_outputs(
    weights: NDArray[np.float32],
    targets: NDArray[np.float32],
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    order: NDArray[np.int64],
    rate: np.float32,
) -> None:
    """Teach one neuron a place by the delta rule: an amplitude of a half for its own place, none for the others.

    Args:
        weights: float32 (places, features), changed in place.
        targets: float32 (features,); a feature that fires rarely teaches faster, by one over its target.
        features: float32 (examples, features); amplitudes.
        labels: int64 (examples,); the output neuron of each example.
        order: int64 (steps,); the example of each step.
        rate: float32; learning rate at the first step, falling with the square of what is left.
    """
    steps = order.shape[0]
    for step in range(steps):
        left = np.float32((steps - step) / steps)
        shown = features[order[step]]
        for place in range(weights.shape[0]):
            wanted = np.float32(0.5) if place == labels[order[step]] else np.float32(0.0)
            error = wanted - _spike(_drive(weights[place], shown), np.float32(0.0))
            if error == 0:
                continue
            pull = rate * left * left * error
            for f in range(shown.shape[0]):
                weights[place, f] += pull * shown[f] / targets[f]
