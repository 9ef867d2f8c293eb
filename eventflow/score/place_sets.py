"""What place recognition is scored on: two drives as folders of images or as maps, and every method on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.place.correlation import CorrelationMatcher
from eventflow.place.descriptors import DescriptorSettings, describe
from eventflow.place.learners import LEARNED
from eventflow.place.map_file import load_map
from eventflow.place.matchers import L1Matcher, SparseMatcher
from eventflow.place.place_map import PlaceMap
from eventflow.place.recogniser import Recogniser, neighbours
from eventflow.place.sequence import DiagonalSequence, SpeedSequence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from eventflow.place.matchers import Matcher

_SUFFIXES: Final = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True)
class Drive:
    """A drive to be scored: images, or descriptors that were made of them before.

    Attributes:
        path: where it comes from.
        images: float32 (n, height, width); None where only descriptors are known.
        described: the map it was read from; None for images.
    """

    path: Path
    images: NDArray[np.float32] | None
    described: PlaceMap | None

    def __len__(self) -> int:
        return len(self.images) if self.images is not None else len(self.described or ())

    def map_with(self, rows: int, columns: int) -> PlaceMap:
        """Return the drive as a map with one grid of cells; a drive that is described already keeps its own."""
        if self.described is not None:
            return self.described
        assert self.images is not None
        height, width = self.images.shape[1:]
        grid = (min(rows, height), min(columns, width))
        settings = DescriptorSettings(width=width, height=height, grids=(grid,))
        return PlaceMap.of(settings, np.stack([describe(image, settings) for image in self.images]))


def read_drive(path: Path) -> Drive:
    """Return the drive in a folder of images, in the order of their names, or in a map that `place_learn` wrote.

    Raises:
        RecordingError: there is no such folder or map, an image cannot be read, or they differ in size.
    """
    if not path.is_dir():
        return Drive(path, None, load_map(path))
    import cv2

    files = sorted(each for each in path.iterdir() if each.suffix.lower() in _SUFFIXES)
    if not files:
        raise RecordingError(f"{path}: no image in this folder; expected .png or .jpg files")
    images: list[Any] = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in files]
    for file, image in zip(files, images, strict=True):
        if image is None:
            raise RecordingError(f"{file}: cannot be read as an image")
        if image.shape != images[0].shape:
            raise RecordingError(f"{file}: {image.shape[1]} x {image.shape[0]} px, but {files[0].name} differs")
    return Drive(path, np.stack(images).astype(np.float32), None)


@dataclass(frozen=True)
class Method:
    """One way to compare windows: the grid of its descriptors and its matcher."""

    name: str
    rows: int
    columns: int
    matcher: Callable[[int, int], Matcher]


def _of_any_grid(made: Callable[[], Matcher]) -> Callable[[int, int], Matcher]:
    return lambda rows, columns: made()


METHODS: Final = (
    Method("L1, 10x10 means", 10, 10, lambda rows, columns: L1Matcher()),
    Method("L1, 100 sparse elements", 40, 40, lambda rows, columns: SparseMatcher(100)),
    Method(
        "correlation, not shifted",
        12,
        12,
        lambda rows, columns: CorrelationMatcher(rows, columns, shift=0, adapt=False),
    ),
    Method("correlation (default)", 12, 12, CorrelationMatcher),
    *(Method(f"{name}, learned", 10, 10, _of_any_grid(made)) for name, made in LEARNED.items()),
)


def similarity_of(method: Method, reference: Drive, query: Drive) -> NDArray[np.float32]:
    """Return the similarity of every window of `query` to every place of `reference`, float32 (places, queries).

    Raises:
        ParameterError: the two drives were described differently.
    """
    learned, asked = (each.map_with(method.rows, method.columns) for each in (reference, query))
    learned.check(asked.settings)
    matcher = method.matcher(*learned.settings.grids[0])
    matcher.learn(learned.descriptors, learned.places)
    return np.stack([matcher.scores(vector) for vector in asked.descriptors], axis=1)


def joined(similarity: NDArray[np.float32], reference: Drive, *, kind: str, length: int) -> NDArray[np.float32]:
    """Return a similarity joined over sequences, `diagonal` or `speeds`, causally; length 1 changes nothing."""
    if length == 1:
        return similarity
    learned = reference.map_with(1, 1)
    starts = neighbours(learned)[0] == 0
    make = DiagonalSequence if kind == "diagonal" else SpeedSequence
    sequence = make(starts, length=length)
    return np.stack([sequence.push(np.ascontiguousarray(column)) for column in similarity.T], axis=1)


def recognised(reference: Drive, query: Drive, **options: Any) -> NDArray[np.float64]:
    """Return what `place_recognise` believes with its defaults: the probability of each place, (places, queries)."""
    learned, asked = reference.map_with(12, 12), query.map_with(12, 12)
    learned.check(asked.settings)
    recogniser = Recogniser(learned, **options)
    columns = []
    for vector, t in zip(asked.descriptors, asked.times, strict=True):
        recogniser.push(vector, t=int(t))
        columns.append(recogniser.belief())
    return np.stack(columns, axis=1)


def indices_from_poses(reference: PlaceMap, query: PlaceMap, *, radius_m: float) -> NDArray[np.int64]:
    """Return the place nearest to each query as an index, -1 where none is within the radius.

    Raises:
        ParameterError: a drive has no poses.
    """
    for place_map, what in ((reference, "reference"), (query, "query")):
        if not np.isfinite(place_map.poses[:, :3]).all():
            raise ParameterError(f"the {what} has rows without a pose; give --truth instead")
    found = np.empty(len(query), np.int64)
    for number, pose in enumerate(query.poses[:, :3]):
        apart = np.linalg.norm(reference.poses[:, :3] - pose, axis=1)
        found[number] = int(apart.argmin()) if apart.min() <= radius_m else -1
    return found


def truth_index(reference: Drive, query: Drive, truth: NDArray[Any] | None, *, radius_m: float) -> NDArray[Any]:
    """Return the truth that is known: the one given, that of the poses, or window n at place n.

    Raises:
        ParameterError: nothing is known.
    """
    if truth is not None:
        return truth
    if reference.described is not None and query.described is not None:
        return indices_from_poses(reference.described, query.described, radius_m=radius_m)
    if len(reference) != len(query):
        raise ParameterError(
            f"{len(reference)} places and {len(query)} queries, so that query n need not be at place n: give --truth"
        )
    return np.arange(len(query), dtype=np.int64)


def chosen(names: Sequence[str]) -> list[Method]:
    """Return the methods whose names begin with one of `names`; all where there are none.

    Raises:
        ParameterError: a name is that of no method.
    """
    known = [method.name for method in METHODS]
    for name in names:
        if not any(each.startswith(name) for each in known):
            raise ParameterError(f"no method begins with {name!r}; there are {'; '.join(known)}")
    return [each for each in METHODS if not names or any(each.name.startswith(name) for name in names)]
