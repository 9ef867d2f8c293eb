"""A textured plane before a camera that pans and rolls. Truth: Flow on a grid of points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from eventflow.kernels.jit import jit
from eventflow.messages import Flow
from eventflow.synth.sensor import whole
from eventflow.synth.shapes import positive
from eventflow.synth.texture import intensity_from_share, noise_texture, sampled, view_along
from eventflow.units import ms

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PERIOD = 512


@jit
def _view(
    texture: NDArray[np.float32], angle: float, shift_x: float, shift_y: float, image: NDArray[np.float32]
) -> None:
    height, width = image.shape
    cos, sin = math.cos(angle), math.sin(angle)
    for y in range(height):
        dy = y - 0.5 * (height - 1)
        for x in range(width):
            dx = x - 0.5 * (width - 1)
            u, v = dx * cos + dy * sin - shift_x, dy * cos - dx * sin - shift_y
            image[y, x] = np.float32(sampled(texture, u, v))


@dataclass(kw_only=True)
class Pan:
    """A textured plane that moves past the whole image, and turns if asked to; the truth is optical flow.

    Attributes:
        width: sensor width, px.
        height: sensor height, px.
        seed: of the texture.
        speed: speed of the plane, px/s.
        direction: where it goes at time 0, degrees from right, clockwise as seen.
        spin: turning about the middle of the image, degrees/s, clockwise as seen.
        grid: distance of the points of the truth, px.
    """

    STEP_US: ClassVar[int] = ms(2)

    width: int
    height: int
    seed: int
    speed: float = 100.0
    direction: float = 20.0
    spin: float = 0.0
    grid: int = 16

    def __post_init__(self) -> None:
        positive(self, "grid", low=1)
        self._texture = intensity_from_share(noise_texture(self.seed, _PERIOD, _PERIOD))
        self._velocity = (
            self.speed * math.cos(math.radians(self.direction)),
            self.speed * math.sin(math.radians(self.direction)),
        )
        self.image = np.zeros((self.height, self.width), np.float32)
        self.draw(0)

    def draw(self, t: int) -> NDArray[np.int64]:
        """Bring `image` to time `t` (µs)."""
        seconds = t * 1e-6
        shift = self._velocity[0] * seconds, self._velocity[1] * seconds
        if self.spin:
            _view(self._texture, math.radians(self.spin) * seconds, *shift, self.image)
        else:
            left, top = -0.5 * (self.width - 1) - shift[0], -0.5 * (self.height - 1) - shift[1]
            view_along(self._texture, left, top, 1.0, self.image)
        return whole(self.width, self.height)

    def truth(self, t: int) -> Flow:
        """Return the velocity of the plane at points of the image, px/s, at `t` (µs)."""
        half = self.grid // 2
        y, x = (axis.ravel() for axis in np.mgrid[half : self.height : self.grid, half : self.width : self.grid])
        turn = math.radians(self.spin)
        cos, sin = math.cos(turn * t * 1e-6), math.sin(turn * t * 1e-6)
        vx, vy = self._velocity
        return Flow(
            t=t,
            x=x.astype(np.float32),
            y=y.astype(np.float32),
            vx=(vx * cos - vy * sin - turn * (y - 0.5 * (self.height - 1))).astype(np.float32),
            vy=(vx * sin + vy * cos + turn * (x - 0.5 * (self.width - 1))).astype(np.float32),
        )
