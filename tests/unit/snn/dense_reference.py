"""A network stepped the plain way, straight from the text of the model's layers: the oracle of every engine."""

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
from eventflow.snn.neuron import Fires, Neuron, Reset


class Dense:
    """All layers, all units, every step."""

    def __init__(self, model, dtype=np.float64):
        self.model, self.dtype = model, dtype
        self.state = {name: np.zeros(shape, dtype) for name, shape in model.state_shapes().items()}
        self.out = {}
        for name, layer in model.layers.items():
            if isinstance(layer, Neuron):
                self.state[f"{name}.v"] += layer.v_start.astype(dtype)

    def step(self, x):
        now = {"input": np.asarray(x, self.dtype)}
        for name in self.model.order:
            incoming = [self.state[f"{s}.out"] if late else now[s] for s, late in self.model.sources[name]]
            total = incoming[0]
            for each in incoming[1:]:
                total = total + each
            now[name] = self._layer(name, self.model.layers[name], total)
        for source, _ in self.model.feedback or ():
            self.state[f"{source}.out"] = now[source]
        self.out = now
        return now[self.model.output]

    def _layer(self, name, layer, x):
        cast = lambda value: np.asarray(value).astype(self.dtype)  # noqa: E731
        if isinstance(layer, Linear):
            return cast(layer.weight) @ x + (0 if layer.bias is None else cast(layer.bias))
        if isinstance(layer, Conv2d):
            return convolved(layer, x, self.dtype)
        if isinstance(layer, Conv1d):
            flat = Conv2d(
                weight=layer.weight[:, :, None], bias=layer.bias, stride=(1, layer.stride),
                padding=((0, 0), layer.padding), dilation=(1, layer.dilation), groups=layer.groups,
            )  # fmt: skip
            return convolved(flat, x[:, None], self.dtype)[:, 0]
        if isinstance(layer, SumPool2d):
            channels = x.shape[0]
            ones = np.ones((channels, 1, *layer.kernel))
            flat = Conv2d(weight=ones, stride=layer.stride, padding=layer.padding, groups=channels)
            pooled = convolved(flat, x, self.dtype)
            return pooled / (layer.kernel[0] * layer.kernel[1]) if isinstance(layer, AvgPool2d) else pooled
        if isinstance(layer, Flatten):
            return x.reshape(layer.output_shape(x.shape))
        if isinstance(layer, Scale):
            return x * cast(layer.scale)
        if isinstance(layer, Threshold):
            return (x > cast(layer.threshold)).astype(self.dtype)
        if isinstance(layer, Delay | DelayLinear):
            return self._delayed(name, layer, x)
        return self._neuron(name, layer, x, cast)

    def _delayed(self, name, layer, x):
        past = np.concatenate([x[None], self.state[f"{name}.x"]])
        self.state[f"{name}.x"] = past[:-1]
        if isinstance(layer, Delay):
            steps = np.broadcast_to(layer.steps, x.shape)
            return np.take_along_axis(past, steps[None], axis=0)[0]
        out = np.zeros(layer.weight.shape[0], self.dtype)
        for o in range(layer.weight.shape[0]):
            for i in range(layer.weight.shape[1]):
                out[o] += self.dtype(layer.weight[o, i]) * past[layer.delay[o, i], i]
        return out if layer.bias is None else out + layer.bias.astype(self.dtype)

    def _neuron(self, name, layer, x, cast):
        v = self.state[f"{name}.v"]
        above = np.greater if layer.fires is Fires.ABOVE else np.greater_equal
        before = above(v, cast(layer.threshold)) if layer.delayed else None
        i_before, before_input = x, v
        if layer.current_decay is not None:
            i_before = self.state[f"{name}.i"]
            x = cast(layer.current_decay) * i_before + cast(layer.current_gain) * x
            self.state[f"{name}.i"] = x
        v = cast(layer.decay) * v + cast(layer.gain) * x + cast(layer.offset)
        if layer.previous_gain is not None:
            v = v + cast(layer.previous_gain) * i_before
        if layer.threshold is None:
            self.state[f"{name}.v"] = v
            return v
        level = cast(layer.threshold)
        if layer.adaptation_decay is not None:
            level = level + cast(layer.adaptation_strength) * self.state[f"{name}.a"]
        if layer.reset is Reset.DELAYED:
            v = np.where(before, v - level, v)
        elif layer.reset is Reset.DELAYED_ZERO:
            v = np.where(before, cast(layer.v_reset), v)
        fired = above(v, level)
        out = fired.astype(self.dtype)
        if layer.reset is Reset.ZERO:
            v = np.where(fired, cast(layer.v_reset), v)
        elif layer.reset is Reset.SUBTRACT:
            v = np.where(fired, v - level, v)
        elif layer.reset is Reset.CROSSING:
            v = np.where(fired, crossed(layer, before_input, v, level, cast), v)
        elif layer.reset is Reset.MULTISPIKE:
            out = np.where(fired, np.floor(v / level), 0).astype(self.dtype)
            v = v - out * level
        self.state[f"{name}.v"] = v.astype(self.dtype)
        if layer.adaptation_decay is not None:
            a = self.state[f"{name}.a"]
            self.state[f"{name}.a"] = cast(layer.adaptation_decay) * a + cast(layer.adaptation_jump) * out
        return out


def crossed(layer, before, after, level, cast):
    """v at the end of the step: v(s) = goal + (v(0) - goal) decay^s for s in 0..1, or a line without decay."""
    decay, start = (np.broadcast_to(cast(each), after.shape) for each in (layer.decay, layer.v_reset))
    drive = after - decay * before
    with np.errstate(all="ignore"):
        goal = drive / (1 - decay)
        moment = np.log((level - goal) / (before - goal)) / np.log(decay)
        curve = goal + (start - goal) * decay ** (1 - np.where(before >= level, 0, moment))
        line = start + (1 - np.where(before >= level, 0, (level - before) / drive)) * drive
    return np.where(decay < 1, curve, line)


def convolved(layer, x, dtype):
    """The definition: y[o, r, c] = sum over g, i, j of w[o, g, i, j] x[first + g, r s - p + i d, c s - p + j d]."""
    out = layer.output_shape(x.shape)
    (top, bottom), (left, right) = layer.padding
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right)))
    y = np.zeros(out, dtype)
    per_group, own = layer.weight.shape[1], out[0] // layer.groups
    for i in range(layer.weight.shape[2]):
        for j in range(layer.weight.shape[3]):
            rows = i * layer.dilation[0] + layer.stride[0] * np.arange(out[1])
            columns = j * layer.dilation[1] + layer.stride[1] * np.arange(out[2])
            patch = padded[:, rows[:, None], columns]
            for g in range(layer.groups):
                w = layer.weight[g * own : (g + 1) * own, :, i, j].astype(dtype)
                y[g * own : (g + 1) * own] += np.einsum("og,grc->orc", w, patch[g * per_group : (g + 1) * per_group])
    return y if layer.bias is None else y + layer.bias.astype(dtype)[:, None, None]
