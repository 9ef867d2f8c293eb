"""Maps: the descriptors of routes that were driven, with the place of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from eventflow.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.place.descriptors import DescriptorSettings

COLUMNS = {"places": "<i8", "routes": "<i8", "times": "<i8"}


@dataclass(frozen=True, eq=False)
class PlaceMap:
    """What was learned of one or several routes: a row a descriptor, in the order of driving.

    Attributes:
        settings: how the descriptors were made.
        descriptors: float32, shape (n, settings.length).
        places: id of the place that each row shows, int64, at least 0. Several rows may show one place.
        routes: number of the drive of each row, int64: rows of one drive follow each other.
        times: end of each row's window, µs, int64.
        poses: x, y, z (m) and the quaternion x, y, z, w of each row, float64, shape (n, 7); NaN where there is none.
    """

    settings: DescriptorSettings
    descriptors: NDArray[np.float32]
    places: NDArray[np.int64]
    routes: NDArray[np.int64]
    times: NDArray[np.int64]
    poses: NDArray[np.float64]

    def __post_init__(self) -> None:
        count = len(self.places)
        shapes = {"descriptors": (count, self.settings.length), "poses": (count, 7)} | dict.fromkeys(COLUMNS, (count,))
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ParameterError(f"{name} of a map: shape {getattr(self, name).shape}, expected {shape}")
        if count and self.places.min() < 0:
            raise ParameterError(f"a place has the id {self.places.min()}, expected at least 0")
        if not np.isfinite(self.descriptors).all():
            raise ParameterError("a descriptor of the map holds values that are not finite")

    def __len__(self) -> int:
        return len(self.places)

    @classmethod
    def of(
        cls,
        settings: DescriptorSettings,
        descriptors: NDArray[np.float32],
        *,
        places: NDArray[np.int64] | None = None,
        times: NDArray[np.int64] | None = None,
        poses: NDArray[np.float64] | None = None,
    ) -> PlaceMap:
        """Return the map of one drive; without `places` every row is a place of its own, numbered from 0."""
        count = len(descriptors)
        given = np.arange(count, dtype=np.int64) if places is None else np.asarray(places, np.int64)
        no_poses = np.full((count, 7), np.nan)
        return cls(
            settings,
            np.ascontiguousarray(descriptors, np.float32),
            given,
            np.zeros(count, np.int64),
            np.zeros(count, np.int64) if times is None else np.asarray(times, np.int64),
            no_poses if poses is None else np.asarray(poses, np.float64),
        )

    def joined(self, other: PlaceMap) -> PlaceMap:
        """Return both maps as one; rows of `other` count as drives of their own. Equal ids are the same place.

        Raises:
            ParameterError: the maps were made with other settings; the message names what differs.
        """
        self.check(other.settings)
        later = other.routes + (int(self.routes.max()) + 1 if len(self) else 0)
        return PlaceMap(
            self.settings,
            np.concatenate([self.descriptors, other.descriptors]),
            np.concatenate([self.places, other.places]),
            np.concatenate([self.routes, later]),
            np.concatenate([self.times, other.times]),
            np.concatenate([self.poses, other.poses]),
        )

    def renumbered(self, first: int) -> PlaceMap:
        """Return the map with `first` added to every place's id."""
        return replace(self, places=self.places + first)

    def check(self, settings: DescriptorSettings) -> None:
        """Refuse descriptors that cannot be compared with those of the map.

        Raises:
            ParameterError: the settings differ; the message names each difference.
        """
        different = settings.differences(self.settings)
        if different:
            raise ParameterError(
                f"the map was made with other settings: {'; '.join(different)} (in the map). Describe with the map's "
                "settings, or make the map anew"
            )
