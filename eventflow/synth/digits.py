"""A digit, drawn in strokes, that a camera sees while its view jumps in a triangle. Truth: Label, the digit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from eventflow.errors import ParameterError
from eventflow.events import Events
from eventflow.kernels.jit import jit
from eventflow.messages import Label
from eventflow.synth import hashing
from eventflow.synth.sensor import whole
from eventflow.synth.shapes import positive

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SACCADE_US: Final = 100_000
_SOFT_PX: Final = 0.8
_ARC_POINTS: Final = 9
# each digit: strokes in a box of 1 by 1, y down; an arc is (centre x, y, radius x, y, from, to) in quarter turns,
# clockwise from the right
_STROKES: Final[dict[int, list[list[tuple[float, ...]]]]] = {
    0: [[(0.5, 0.5, 0.36, 0.5, 0.0, 4.0)]],
    1: [[(0.28, 0.22), (0.55, 0.0), (0.55, 1.0)]],
    2: [[(0.48, 0.27, 0.36, 0.27, 2.0, 4.6), (0.12, 1.0), (0.9, 1.0)]],
    3: [[(0.46, 0.26, 0.34, 0.26, 2.2, 5.0)], [(0.46, 0.75, 0.4, 0.25, 3.0, 6.0)]],
    4: [[(0.68, 1.0), (0.68, 0.0), (0.08, 0.68), (0.95, 0.68)]],
    5: [[(0.85, 0.0), (0.22, 0.0), (0.18, 0.45), (0.44, 0.68, 0.4, 0.32, 3.0, 5.8)]],
    6: [[(0.72, 0.0), (0.2, 0.55)], [(0.5, 0.72, 0.34, 0.28, 0.0, 4.0)]],
    7: [[(0.1, 0.0), (0.88, 0.0), (0.4, 1.0)]],
    8: [[(0.5, 0.25, 0.3, 0.25, 0.0, 4.0)], [(0.5, 0.75, 0.36, 0.25, 0.0, 4.0)]],
    9: [[(0.5, 0.28, 0.34, 0.28, 0.0, 4.0)], [(0.84, 0.28), (0.7, 1.0)]],
}


@jit
def _paint(
    segments: NDArray[np.float64], shift_x: float, shift_y: float, half: float, image: NDArray[np.float32]
) -> None:
    """Draw line segments (rows x0, y0, x1, y1 in px) as bright strokes on dark."""
    height, width = image.shape
    for y in range(height):
        for x in range(width):
            px, py = x - shift_x, y - shift_y
            nearest = 1e18
            for k in range(len(segments)):
                x0, y0 = segments[k, 0], segments[k, 1]
                dx, dy = segments[k, 2] - x0, segments[k, 3] - y0
                length = dx * dx + dy * dy
                share = 0.0 if length == 0 else min(max(((px - x0) * dx + (py - y0) * dy) / length, 0.0), 1.0)
                ex, ey = px - x0 - share * dx, py - y0 - share * dy
                nearest = min(nearest, ex * ex + ey * ey)
            cover = min(max((half - nearest**0.5) / _SOFT_PX + 0.5, 0.0), 1.0)
            image[y, x] = np.float32(0.2 + 0.5 * cover)


@dataclass(kw_only=True)
class Digit:
    """One digit in strokes of the seed's own hand, seen in three jumps of 100 ms, as N-MNIST was recorded.

    Attributes:
        width: sensor width, px.
        height: sensor height, px.
        seed: of the hand: slant, size, width of the stroke, place, and how crooked the strokes are.
        digit: 0 to 9; -1: chosen by the seed.
        crooked: standard deviation of the strokes' points, in heights of the digit.
    """

    width: int
    height: int
    seed: int
    digit: int = -1
    crooked: float = 0.03

    def __post_init__(self) -> None:
        positive(self, "crooked", low=0.0)
        if not -1 <= self.digit <= 9:
            raise ParameterError(f"digit is {self.digit}, expected 0 to 9, or -1 for any")
        draws = hashing.uniforms(self.seed, hashing.LAYOUT, 8)
        self.shown = int(draws[0] * 10) if self.digit < 0 else self.digit
        side = min(self.width, self.height)
        self._half = 0.5 * side * (0.05 + 0.05 * draws[1])
        self._segments = self._written(side, draws)
        self.image = np.zeros((self.height, self.width), np.float32)
        self.draw(0)

    @property
    def duration(self) -> int:
        """Three jumps, µs."""
        return 3 * _SACCADE_US

    def _written(self, side: int, draws: NDArray[np.float64]) -> NDArray[np.float64]:
        lines = [_points(stroke) for stroke in _STROKES[self.shown]]
        counts = [len(line) for line in lines]
        bends = hashing.normals(self.seed, hashing.TEXTURE, 2 * sum(counts)).reshape(-1, 2) * self.crooked
        points = np.concatenate(lines) + bends - 0.5
        points[:, 0] = points[:, 0] * (0.5 + 0.2 * draws[2]) - (draws[3] * 0.5 - 0.2) * points[:, 1]
        turn = (draws[4] - 0.5) * 0.4
        spun = points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        middle = np.array([self.width - 1, self.height - 1]) / 2 + (draws[5:7] - 0.5) * 0.08 * side
        placed = spun * side * (0.52 + 0.12 * draws[7]) + middle
        ends = np.cumsum(counts)[:-1] - 1
        pairs = np.hstack([placed[:-1], placed[1:]])
        return np.ascontiguousarray(np.delete(pairs, ends, axis=0))

    def draw(self, t: int) -> NDArray[np.int64]:
        """Bring `image` to time `t` (µs)."""
        reach = 0.06 * min(self.width, self.height)
        corners = np.array([[-1.0, -0.6], [0.0, 1.0], [1.0, -0.6]]) * reach
        jump, share = divmod(t / _SACCADE_US, 1.0)
        before, after = corners[int(jump) % 3], corners[(int(jump) + 1) % 3]
        eased = 0.5 - 0.5 * np.cos(np.pi * share)
        shift = before + eased * (after - before)
        _paint(self._segments, float(shift[0]), float(shift[1]), self._half, self.image)
        return whole(self.width, self.height)

    def truth(self, t: int) -> Label:
        """Return the digit."""
        return Label(t, self.shown, 1.0, str(self.shown))


def _points(stroke: list[tuple[float, ...]]) -> NDArray[np.float64]:
    found: list[NDArray[np.float64]] = []
    for each in stroke:
        if len(each) == 2:
            found.append(np.array([each]))
        else:
            x, y, radius_x, radius_y, begin, end = each
            angle = np.linspace(begin, end, _ARC_POINTS) * np.pi / 2
            found.append(np.stack([x + radius_x * np.cos(angle), y + radius_y * np.sin(angle)], axis=1))
    return np.concatenate(found)


def written_digit(number: int, *, seed: int = 0, noise: float = 1.0) -> tuple[Events, int]:
    """Return the events, 34x34 px and 300 ms as in N-MNIST, of one of endlessly many digits, and which digit it is.

    Args:
        number: which one, from 0: digits 0 to 9 take turns, each in a hand of its own.
        seed: of the hands; less than 2^31.
        noise: shot noise, events/s/px.
    """
    from eventflow.synth.simulation import Simulation

    own = (seed << 32) + number
    made = Simulation("digit", seed=own, digit=number % 10, width=34, height=34, step=2_000, noise=noise)
    return Events.concat([Events.empty(34, 34), *made.packets()]), number % 10
