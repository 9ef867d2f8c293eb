"""Maps of places, learned while driving."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from eventflow.errors import ParameterError
from eventflow.graph.node import Node
from eventflow.messages import Descriptor, Place, Pose, StreamInfo
from eventflow.place.descriptors import DescriptorSettings
from eventflow.place.map_file import load_map, write_map
from eventflow.place.place_map import PlaceMap
from eventflow.place.recogniser import says_nothing


class PlaceLearn(Node):
    """Make a map of a route, or extend one: each window is a place, numbered from 0 in the order of driving.

    With `place` connected its ids are taken instead: a place learned twice then has two descriptors, and windows off
    the route (-1) are left out. With `pose` connected each place has the last pose before its window's end. Windows in
    which the camera stands still are left out and counted.

    Args:
        path: the map, an HDF5 file.
        extend: whether to begin with the map that is there. New places get new numbers.
    """

    optional_inputs: ClassVar[frozenset[str]] = frozenset({"pose", "place"})

    path: Path
    extend: bool = False

    def start(self, descriptor: StreamInfo, pose: StreamInfo | None = None, place: StreamInfo | None = None) -> None:
        """Begin with nothing learned, or with the map that is there."""
        self._plain: dict[str, Any] = descriptor.attributes.get("descriptor", {})
        if not self._plain:
            raise ParameterError("place_learn wants what `describe` gives: its settings are not with the stream")
        self._given = place is not None
        self._vectors: list[Any] = []
        self._places: list[int] = []
        self._times: list[int] = []
        self._poses: list[Any] = []
        self._pose = np.full(7, np.nan)
        self._place = -1
        if self.extend:
            load_map(self.path).check(DescriptorSettings.from_dict(self._plain))

    def pose(self, pose: Pose) -> None:
        """Keep the latest pose."""
        self._pose = np.concatenate([pose.position, pose.orientation])

    def place(self, place: Place) -> None:
        """Keep the latest place."""
        self._place = place.place

    def descriptor(self, descriptor: Descriptor) -> None:
        """Learn one window."""
        pixels = self._plain["width"] * self._plain["height"]
        if descriptor.count == 0 or says_nothing(descriptor.vector, pixels, descriptor.count):
            self.skipped["windows in which nothing moved"] += 1
        elif self._given and self._place < 0:
            self.skipped["windows off the route"] += 1
        else:
            self._vectors.append(descriptor.vector)
            self._places.append(self._place if self._given else len(self._places))
            self._times.append(descriptor.t)
            self._poses.append(self._pose.copy())

    def finish(self, t_end: int) -> None:
        """Write the map."""
        settings = DescriptorSettings.from_dict(self._plain)
        count = len(self._vectors)
        found = PlaceMap.of(
            settings,
            np.array(self._vectors, np.float32).reshape(count, settings.length),
            places=np.array(self._places, np.int64),
            times=np.array(self._times, np.int64),
            poses=np.array(self._poses, np.float64).reshape(count, 7),
        )
        if self.extend:
            before = load_map(self.path)
            following = 0 if self._given or not len(before) else int(before.places.max()) + 1
            found = before.joined(found.renumbered(following))
        write_map(found, self.create(self.path).part, self.path)
        self.results.update(learned=count, places=len(np.unique(found.places)))
