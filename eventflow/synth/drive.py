"""A drive along a street, seen through a side window. Truth: Place, which place is in the middle of the view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.jit import jit
from eventflow.messages import Place
from eventflow.synth import hashing
from eventflow.synth.sensor import whole
from eventflow.synth.shapes import positive
from eventflow.synth.texture import intensity_from_share, noise_texture, sampled, view_along
from eventflow.units import ms

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PARALLAX = 1.75
_MOST_ROUTE_PX = 1 << 16


@jit
def _view(
    houses: NDArray[np.float32],
    posts: NDArray[np.float32],
    along: float,
    zoom: float,
    light: float,
    image: NDArray[np.float32],
) -> None:
    """Draw posts (rows: cover, intensity) before houses, with the route's point `along` in the middle."""
    height, width = image.shape
    left = -0.5 * (width - 1) * zoom
    view_along(houses, left + along, -0.5 * (height - 1) * zoom, zoom, image)
    cover, colour = np.empty(width, np.float32), np.empty(width, np.float32)
    for x in range(width):
        near = left + x * zoom + along * _PARALLAX
        cover[x], colour[x] = sampled(posts[0:1], near, 0.0), sampled(posts[1:2], near, 0.0)
    brightness = np.float32(light)
    for y in range(height):
        for x in range(width):
            image[y, x] = brightness * (image[y, x] + cover[x] * (colour[x] - image[y, x]))


@jit
def _add_windows(share: NDArray[np.float64], places: int, key: np.uint64) -> None:
    """Put windows on the houses: each place has its own pitch, and each window its own brightness."""
    height, width = share.shape
    for x in range(width):
        place = x * places // width
        left = -(-place * width // places)
        pitch = 14.0 + 22.0 * hashing.random_uniform(key, hashing.LAYOUT, 4 * place)
        floor = 18.0 + 30.0 * hashing.random_uniform(key, hashing.LAYOUT, 4 * place + 1)
        column = int((x - left) / pitch)
        inside = abs((x - left) / pitch - column - 0.5) < 0.28
        for y in range(height):
            row = int(y / floor)
            if inside and abs(y / floor - row - 0.5) < 0.3:
                number = (place << 32) + (row << 16) + column
                share[y, x] = 0.25 * share[y, x] + 0.75 * hashing.random_uniform(key, hashing.LAYOUT + 256, number)


@dataclass(kw_only=True)
class Drive:
    """A drive along a street of places, a ring, seen from the side; the truth is the place in the middle of the view.

    Two drives with one `route` are two traverses of the same places: give them another `seed`, `speed`, `light` or
    `offset`. The whole ring is driven unless a duration is given.

    Attributes:
        width: sensor width, px.
        height: sensor height, px.
        seed: of the sensor; the street does not depend on it.
        route: number of the street.
        places: how many places it has.
        place_px: length of a place, px at offset 0.
        speed: of the houses in the image at offset 0, px/s.
        start: the place at whose beginning the drive starts.
        light: 1 is full daylight.
        offset: how much farther off the houses are, relative to their distance in the first lane; above -1.
    """

    STEP_US: ClassVar[int] = ms(2)

    width: int
    height: int
    seed: int
    route: int = 0
    places: int = 24
    place_px: int = 80
    speed: float = 160.0
    start: int = 0
    light: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        positive(self, "places", low=1)
        positive(self, "place_px", low=8)
        positive(self, "light", low=0.0)
        positive(self, "offset", low=-0.9)
        length = self.places * self.place_px
        if length > _MOST_ROUTE_PX:
            raise ParameterError(f"places · place_px is {length}, expected at most {_MOST_ROUTE_PX} px")
        self._houses = self._built(length)
        self._posts = self._planted(round(length * _PARALLAX))
        self.image = np.zeros((self.height, self.width), np.float32)
        self.draw(0)

    @property
    def duration(self) -> int | None:
        """How long the whole ring takes, µs; None where the drive stands still."""
        return round(self.places * self.place_px / abs(self.speed) * 1e6) if self.speed else None

    def _built(self, length: int) -> NDArray[np.float32]:
        share = 0.25 + 0.5 * noise_texture(self.route, length, 2 * self.height, finest=14.0)
        _add_windows(share, self.places, hashing.key_from_seed(self.route))
        return intensity_from_share(share)

    def _planted(self, length: int) -> NDArray[np.float32]:
        posts = np.zeros((2, length), np.float32)
        count = max(length // 260, 1)
        draws = hashing.uniforms(self.route, hashing.TEXTURE, 3 * count).reshape(count, 3)
        for number, (shift, wide, bright) in enumerate(draws):
            left = int((number + 0.8 * shift) * length / count)
            posts[0, left : left + 5 + int(8 * wide)] = 1.0
            posts[1, max(left - 1, 0) : left + 14] = 0.1 if bright < 0.6 else 0.8
        return posts

    def _along(self, t: int) -> float:
        return self.start * self.place_px + self.speed * t * 1e-6

    def draw(self, t: int) -> NDArray[np.int64]:
        """Bring `image` to time `t` (µs)."""
        _view(self._houses, self._posts, self._along(t), 1.0 + self.offset, self.light, self.image)
        return whole(self.width, self.height)

    def truth(self, t: int) -> Place:
        """Return the place at `t` (µs), with score 1."""
        return Place(t=t, place=int(self._along(t) // self.place_px) % self.places, score=1.0)
