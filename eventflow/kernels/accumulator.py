"""Accumulators in the manner of dv-processing: every event adds to its pixel's potential, which falls back with time.

A potential falls back between events of its pixel, and to the instant of a picture where that is asked for; it is never
stored in between, so pictures more or less often change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.decay import decay_tables
from eventflow.kernels.jit import jit
from eventflow.kernels.pool import blank
from eventflow.kernels.windows import LONGEST_US, check_number
from eventflow.kernels.words import p_of, words_of, x_of, y_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events

Decay = Literal["none", "linear", "exponential", "step"]
_NEVER = -(1 << 62)
_NO_TABLE = np.zeros(1, np.float32)


class Accumulator:
    """The potential of each pixel of a `width` x `height` sensor.

        P = neutral + (P - neutral) * exp(-age / tau)               exponential; age: since the pixel's event before
        P = towards neutral by slope * age, not beyond              linear
        P = clip(P ± contribution, lowest, highest)                 + for ON, - for OFF

    Step: potentials keep until a picture is taken, and begin anew at `neutral` after it. None: they keep for ever.
    Scheerlinck et al. 2018 call the exponential one the direct integral with leak; the parameters are those of
    dv-processing's `Accumulator` (2.0), and of its `EdgeMapAccumulator` with decay "step", contribution .25, neutral 0
    and every polarity positive.

    Args:
        width: sensor width, px.
        height: sensor height, px.
        decay: how potentials fall back.
        tau: time constant of the exponential, µs.
        slope: speed of the linear decay, potential a second.
        contribution: what an event adds.
        lowest: least potential.
        neutral: potential of a pixel without events.
        highest: greatest potential.
        rectify: let OFF events add too.
        synchronous: let pictures show every pixel fallen back to their instant, not to its own last event.

    Raises:
        ParameterError: a number is out of range, or not `lowest <= neutral <= highest`.
    """

    def __init__(
        self,
        width: int,
        height: int,
        *,
        decay: Decay = "exponential",
        tau: int = 1_000_000,
        slope: float = 1.0,
        contribution: float = 0.15,
        lowest: float = 0.0,
        neutral: float = 0.0,
        highest: float = 1.0,
        rectify: bool = False,
        synchronous: bool = False,
    ) -> None:
        check_number("tau", tau, 1, LONGEST_US)
        check_number("slope", slope, 0)
        if not lowest <= neutral <= highest or lowest == highest:
            raise ParameterError(f"potentials {lowest}, {neutral}, {highest} do not rise from lowest to highest")
        self.width, self.height, self.decay = width, height, decay
        self.lowest, self.neutral, self.highest = float(lowest), float(neutral), float(highest)
        self.contribution, self.rectify, self.synchronous = float(contribution), rectify, synchronous
        self.slope_per_us = slope / 1e6 if decay == "linear" else 0.0
        self.tables = decay_tables(tau) if decay == "exponential" else (_NO_TABLE, _NO_TABLE, 0)
        # time and potential of a pixel side by side: one cache line an event
        self.cells = np.empty((height * width, 2), np.int64)
        self.clear()

    def clear(self) -> None:
        """Forget all events."""
        self.cells[:, 0] = _NEVER
        self.cells.view(np.float64)[:, 1] = self.neutral

    def push(self, events: Events) -> None:
        """Add events, in time order.

        Raises:
            ParameterError: the events are of another sensor.
        """
        if (events.width, events.height) != (self.width, self.height):
            raise ParameterError(
                f"events of a {events.width}x{events.height} sensor for an accumulator of {self.width}x{self.height}"
            )
        levels = (self.neutral, self.lowest, self.highest)
        steps = (self.contribution if self.rectify else -self.contribution, self.contribution)
        kind = ("none", "linear", "exponential", "step").index(self.decay)
        _push(words_of(events), self.width, kind, self.slope_per_us, *self.tables, levels, steps, self.cells)

    def potentials(self, t_ref: int) -> NDArray[np.float32]:
        """Return the potentials at `t_ref` (µs): float32, shape (height, width).

        Raises:
            ParameterError: an event came later than `t_ref`.
        """
        image = blank((self.height, self.width), np.float32)
        self._draw(t_ref, image, 1.0)
        return image

    def image(self, t_ref: int) -> NDArray[np.uint8]:
        """Return the potentials at `t_ref` (µs) as grey levels, lowest 0 and highest 255: uint8, (height, width)."""
        image = blank((self.height, self.width), np.uint8)
        self._draw(t_ref, image, 255.0 / (self.highest - self.lowest))
        return image

    def _draw(self, t_ref: int, image: NDArray[Any], scale: float) -> None:
        latest = int(self.cells[:, 0].max(initial=_NEVER)) if self.synchronous else _NEVER
        if latest > t_ref:
            raise ParameterError(f"the picture is at {t_ref} µs, an event came at {latest} µs")
        kind = ("none", "linear", "exponential", "step").index(self.decay) if self.synchronous else 0
        grey = image.dtype == np.uint8
        # a grey level is rounded, halves up; a potential is left as it is
        shift = 0.5 - scale * self.lowest if grey else 0.0
        to_grey = (scale, shift)
        _draw(self.cells, t_ref, kind, self.slope_per_us, *self.tables, self.neutral, to_grey, image.reshape(-1))
        if self.decay == "step":
            self.clear()


@jit
def _fallen(value: Any, age: Any, kind: Any, slope: Any, coarse: Any, fine: Any, shift: Any, neutral: Any) -> Any:
    above = value - neutral
    if kind == 2:
        index = min(np.uint64(age) >> np.uint64(shift), np.uint64(len(coarse) - 1))
        return neutral + above * coarse[index] * fine[np.uint64(age) & np.uint64(len(fine) - 1)]
    if kind == 1:
        fall = slope * age
        return neutral + (max(above - fall, 0.0) if above > 0 else min(above + fall, 0.0))
    return value


@jit
def _push(
    words: Any,
    width: Any,
    kind: Any,
    slope: Any,
    coarse: Any,
    fine: Any,
    shift: Any,
    levels: Any,
    steps: Any,
    cells: Any,
) -> None:
    neutral, lowest, highest = levels
    off, on = steps
    times = cells.reshape(-1)
    potentials = times.view(np.float64)
    for i in range(len(words) // 2):
        t, place = words[2 * i], words[2 * i + 1]
        cell = np.uint64(2) * (y_of(place) * np.uint64(width) + x_of(place))
        value = potentials[cell + np.uint64(1)]
        if kind == 1 or kind == 2:
            value = _fallen(value, max(t - times[cell], 0), kind, slope, coarse, fine, shift, neutral)
        value += on if p_of(place) else off
        potentials[cell + np.uint64(1)] = min(max(value, lowest), highest)
        times[cell] = t


@jit
def _draw(
    cells: Any,
    t_ref: Any,
    kind: Any,
    slope: Any,
    coarse: Any,
    fine: Any,
    shift: Any,
    neutral: Any,
    to_grey: Any,
    image: Any,
) -> None:
    times = cells.reshape(-1)
    potentials = times.view(np.float64)
    scale, offset = to_grey
    if kind != 1 and kind != 2:
        for pixel in range(len(image)):
            image[pixel] = image.dtype.type(potentials[2 * pixel + 1] * scale + offset)
        return
    for pixel in range(len(image)):
        age = max(t_ref - times[2 * pixel], 0)
        value = _fallen(potentials[2 * pixel + 1], age, kind, slope, coarse, fine, shift, neutral)
        image[pixel] = image.dtype.type(value * scale + offset)
