"""What a window looks like, as a vector: counts of events, pooled over grids of cells.

A descriptor is float32 and holds, grid after grid and row after row, the mean of each cell. It is kept as plain as
that: contrast and statistics are the matcher's, who knows the whole map.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION: Final = 1
_MOST_ELEMENTS: Final = 1 << 16


@dataclass(frozen=True, kw_only=True)
class DescriptorSettings:
    """How windows become descriptors. Two descriptors can be compared where their settings are equal.

    Attributes:
        width: of the images that are described, px.
        height: px.
        grids: (rows, columns) of each grid of cells.
        patch: cells, in each direction, by whose mean and deviation a cell is normalised; 0: none.
        source: what the images are: how the stream was cut and which representation was made of it; plain values.
        version: of the computation.
    """

    width: int
    height: int
    grids: tuple[tuple[int, int], ...] = ((10, 10),)
    patch: int = 0
    source: str = ""
    version: int = VERSION

    def __post_init__(self) -> None:
        object.__setattr__(self, "grids", tuple((int(rows), int(columns)) for rows, columns in self.grids))
        if self.patch < 0:
            raise ParameterError(f"patch is {self.patch} cells, expected at least 0")
        if not self.grids:
            raise ParameterError("grids is empty, expected at least one (rows, columns)")
        for rows, columns in self.grids:
            if not (1 <= rows <= self.height and 1 <= columns <= self.width):
                raise ParameterError(
                    f"a grid of {rows} x {columns} cells does not fit images of {self.width} x {self.height} px: "
                    "expected 1 to as many rows and columns as the image has"
                )
        if self.length > _MOST_ELEMENTS:
            raise ParameterError(f"a descriptor of {self.length} elements, expected at most {_MOST_ELEMENTS}")

    @property
    def length(self) -> int:
        """How many elements a descriptor has."""
        return sum(rows * columns for rows, columns in self.grids)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain values, for a file or the attributes of a stream."""
        return asdict(self) | {"grids": [list(grid) for grid in self.grids]}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DescriptorSettings:
        """Return the settings that `as_dict` gave.

        Raises:
            ParameterError: names are missing or unknown, or values are not allowed.
        """
        names = {field.name for field in fields(cls)}
        if set(values) != names:
            raise ParameterError(f"settings of descriptors are {sorted(values)}, expected {sorted(names)}")
        try:
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise ParameterError(f"settings of descriptors: {error}") from None

    def differences(self, other: DescriptorSettings) -> list[str]:
        """Return what differs, one text a setting: "width is 128 here and 346 there"."""
        pairs = ((field.name, getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return [f"{name} is {mine!r} here and {theirs!r} there" for name, mine, theirs in pairs if mine != theirs]


def describe(image: NDArray[Any], settings: DescriptorSettings) -> NDArray[np.float32]:
    """Return the descriptor of an image: float32, shape (settings.length,).

    Args:
        image: shape (height, width) or (channels, height, width), whose channels are added up.
        settings: the image's size and the grids.

    Raises:
        ParameterError: the image has another shape.
    """
    plane = np.asarray(image, np.float32)
    plane = plane.sum(axis=0) if plane.ndim == 3 else plane
    if plane.shape != (settings.height, settings.width):
        raise ParameterError(
            f"an image of shape {np.shape(image)}, expected {settings.height} rows and {settings.width} columns"
        )
    grids = (pooled(plane, *grid) for grid in settings.grids)
    return np.concatenate([patch_normalised(grid, settings.patch).ravel() for grid in grids])


def patch_normalised(plane: NDArray[np.float32], patch: int) -> NDArray[np.float32]:
    """Return each element less the mean of its neighbourhood, over its deviation (Milford & Wyeth 2012), float32.

    The neighbourhood is `patch` elements wide and high, cut off at the border; 0 changes nothing. Where all of it is
    alike, the result is 0.
    """
    if not patch:
        return plane
    sums = _box_sums(np.stack([np.ones_like(plane), plane, plane**2]).astype(np.float64), patch)
    mean = sums[1] / sums[0]
    deviation = np.sqrt(np.maximum(sums[2] / sums[0] - mean**2, 0.0))
    flat = deviation <= 1e-6 * (np.abs(mean) + 1e-6)
    return np.asarray(np.where(flat, 0.0, (plane - mean) / np.where(flat, 1.0, deviation)), np.float32)


def _box_sums(planes: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Return the sums over `side` x `side` neighbourhoods of each plane, from an integral image."""
    before, after = side // 2, side - side // 2
    total = np.pad(planes, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1).cumsum(axis=2)
    rows, columns = (np.arange(size) for size in planes.shape[1:])
    top, below = np.maximum(rows - before, 0), np.minimum(rows + after, len(rows))
    left, right = np.maximum(columns - before, 0), np.minimum(columns + after, len(columns))
    strips = total[:, below] - total[:, top]
    return np.asarray(strips[:, :, right] - strips[:, :, left], np.float64)


def pooled(plane: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """Return the means of `rows` x `columns` cells, float32; where sizes do not divide, cells differ by 1 px."""
    height, width = plane.shape
    top, left = np.arange(rows) * height // rows, np.arange(columns) * width // columns
    sums = np.add.reduceat(np.add.reduceat(plane, top, axis=0), left, axis=1)
    areas = np.diff(top, append=height)[:, None] * np.diff(left, append=width)
    return np.asarray(sums / areas, np.float32)
