"""MLPF: a small network that looks at the 7x7 pixels round an event. Guo & Delbruck 2022, section 3.2.

    age[n] = max(0, 1 - |e.t - T[n]| / window)                      0 where T is not set
    sign[n] = +1 or -1 by P[n] where |e.t - T[n]| <= window, else 0; of the event's own pixel, the event's
    logit = relu(concat(age, sign) @ W1 + b1) @ W2 + b2
    keep e if sigmoid(logit) > threshold

The order of inputs is jAER's: 49 ages then 49 signs, columns from left to right, in each from the bottom upwards.
Every event updates T and P after it was judged. Weights are read from the HDF5 file that Keras writes; training is in
`tools/train_mlpf.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import EventflowError, ParameterError
from eventflow.kernels.jit import jit
from eventflow.kernels.judging import judged
from eventflow.kernels.surface import REACH, Surface
from eventflow.kernels.verdicts import settle
from eventflow.kernels.words import p_of, x_of, y_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from eventflow.events import Events
    from eventflow.kernels.judging import Where
    from eventflow.kernels.verdicts import Room

RADIUS = 3
_SIDE = 2 * RADIUS + 1
_PATCH = _SIDE * _SIDE
_HIDDEN = 32
"""Hidden units are padded with zeros to this, four vectors of eight."""


@dataclass(frozen=True)
class Mlp:
    """A network of one hidden layer.

    Attributes:
        w1: float32, shape (98, hidden).
        b1: float32, shape (hidden,).
        w2: float32, shape (hidden,).
        b2: of the output.
    """

    w1: NDArray[np.float32]
    b1: NDArray[np.float32]
    w2: NDArray[np.float32]
    b2: float

    def __post_init__(self) -> None:
        hidden = len(self.b1)
        if self.w1.shape != (2 * _PATCH, hidden) or self.w2.shape != (hidden,) or not 1 <= hidden <= _HIDDEN:
            raise ParameterError(
                f"weights have shapes {self.w1.shape}, {self.b1.shape}, {self.w2.shape}; "
                f"expected ({2 * _PATCH}, h), (h,), (h,) with h at most {_HIDDEN}"
            )

    def by_place(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], np.float32]:
        """Return the weights as the loop reads them: (49, 2, 32) row by row from the top, (32,), (32,), bias."""
        hidden = len(self.b1)
        weights = np.zeros((_PATCH, 2, _HIDDEN), np.float32)
        columns = self.w1.reshape(2, _SIDE, _SIDE, hidden)[:, :, ::-1]  # y goes down here
        weights[:, :, :hidden] = columns.transpose(2, 1, 0, 3).reshape(_PATCH, 2, hidden)
        b1, w2 = np.zeros(_HIDDEN, np.float32), np.zeros(_HIDDEN, np.float32)
        b1[:hidden], w2[:hidden] = self.b1, self.w2
        return weights, b1, w2, np.float32(self.b2)


def read_mlp(path: Path | str) -> Mlp:
    """Return the network in an HDF5 file of Keras: layers `fc1` and `output` under `model_weights`.

    Raises:
        EventflowError: the file cannot be read, or holds other layers.
    """
    import h5py

    try:
        with h5py.File(path) as file:
            found = file["model_weights"]
            hidden, output = found["fc1/fc1"], found["output/output"]
            return Mlp(
                np.asarray(hidden["kernel:0"], np.float32),
                np.asarray(hidden["bias:0"], np.float32),
                np.asarray(output["kernel:0"], np.float32)[:, 0],
                float(np.asarray(output["bias:0"])[0]),
            )
    except OSError as error:
        raise EventflowError(f"{path}: {error}") from None
    except (KeyError, IndexError, ValueError) as error:
        raise EventflowError(
            f"{path} holds no network with layers fc1 and output as Keras writes them ({error})"
        ) from None


def mlpf(
    events: Events, state: Surface, network: Mlp, window: int, *, threshold: float = 0.5, mark: bool = False
) -> Events:
    """Return the events that the network takes for signal.

    Args:
        events: in any order; not written.
        state: from `denoise.surface` with a radius of at least 3; brought up to date.
        network: trained with this window.
        window: µs, 1 to 2^27.
        threshold: probability, between 0 and 1.
        mark: keep everything and fill `scores` with the logit. Signal has the larger scores.

    Raises:
        ParameterError: a parameter or the shape of `state` is not usable.
    """
    state.check(events, RADIUS)
    if not 1 <= window <= REACH:
        raise ParameterError(f"window is {window} µs, expected 1 to {REACH}")
    if not 0 < threshold < 1:
        raise ParameterError(f"threshold is {threshold:g}, expected between 0 and 1")
    least = float(np.log(threshold / (1 - threshold)))
    weights = network.by_place()

    def step(words: NDArray[np.int64], where: Where, room: Room) -> int:
        return int(_mlpf(words, *where, *weights, window, least, *room))

    return judged(events, state, window, step, mark=mark, verdict_cost=300.0)


@jit
def _mlpf(
    words: Any,
    cells: Any,
    base: Any,
    stride: Any,
    margin: Any,
    weights: Any,
    b1: Any,
    w2: Any,
    b2: Any,
    window: Any,
    least: Any,
    kept: Any,
    mask: Any,
    scores: Any,
) -> Any:
    row, corner = np.uint64(stride), np.uint64((margin - RADIUS) * stride + margin - RADIUS)
    centre = np.uint64(RADIUS * stride + RADIUS)
    hidden = np.empty(_HIDDEN, np.float32)
    inverse = np.float32(1.0 / window)
    at = 0
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        first = y_of(place) * row + x_of(place) + corner
        stamp = 2 * (t - base) + np.int64(p_of(place))
        hidden[:] = b1
        for number in range(_SIDE):
            start = first + np.uint64(number) * row
            for lane in range(_SIDE):
                cell = np.int64(cells[start + np.uint64(lane)])
                which = number * _SIDE + lane
                own = which == _PATCH // 2
                age = abs((stamp >> 1) - (cell >> 1))
                # most of a quiet neighbourhood has nothing to add
                if age <= window or own:
                    recent = np.float32(max(window - age, 0)) * inverse
                    p = (stamp if own else cell) & 1
                    sign = np.float32(2 * p - 1)
                    for j in range(_HIDDEN):
                        hidden[j] += recent * weights[which, 0, j] + sign * weights[which, 1, j]
        logit = b2
        for j in range(_HIDDEN):
            logit += max(hidden[j], np.float32(0.0)) * w2[j]
        cells[first + centre] = stamp
        at = settle(i, t, place, logit > least, at, kept, mask)
        if scores is not None:
            scores[i] = logit
    return at // 2
