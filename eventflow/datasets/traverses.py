"""Datasets of place recognition: the same route driven several times, with a position for each moment.

Brisbane-Event-VPR (Fischer & Milford 2020)   dvs_vpr_DATE*.bag (or another recording) and dvs_vpr_DATE*.nmea
QCR-Event-VPR (Fischer & Milford 2022)        bags_DATE*.bag (or another recording); how far along the route, at times
NSAVP (Carmichael et al. 2024)                SEQUENCE_dvxplorer_left.h5, …_right.h5 and SEQUENCE_applanix.h5
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from eventflow.datasets.listing import Item, Listing, folder_of
from eventflow.errors import RecordingError
from eventflow.io.trajectory import read_fixes
from eventflow.messages import Pose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from eventflow.messages import Fix

_RECORDINGS: Final = (".bag", ".mcap", ".db3", ".h5", ".hdf5", ".aedat4", ".raw", ".npz", ".es", ".zip")
_BRISBANE: Final = re.compile(r"(dvs_vpr_\d{4}(?:-\d\d){5})")
_QCR: Final = re.compile(r"(bags_\d{4}(?:-\d\d){5})")
_NSAVP: Final = re.compile(r"(R\d+_[FRD][ASN]\d+(?:_sample)?)_dvxplorer_(left|right)\.h5")

# The consumer camera whose GPS it is began to film at these times, s since 1970.
BRISBANE: Final = {
    "dvs_vpr_2020-04-21-17-03-03": ("sunset1", 1587452593.35),
    "dvs_vpr_2020-04-22-17-24-21": ("sunset2", 1587540271.65),
    "dvs_vpr_2020-04-24-15-12-03": ("daytime", 1587705136.80),
    "dvs_vpr_2020-04-28-09-14-11": ("morning", 1588029271.73),
    "dvs_vpr_2020-04-29-06-20-23": ("sunrise", 1588105240.91),
    "dvs_vpr_2020-04-27-18-13-29": ("night", 1587975221.10),
}

# When the robot was at the same eleven marks of the corridor, s after `first`, which is s after the recording's start.
QCR: Final = {
    "bags_2022-03-28-11-51-26": ("normal", 8.0, (0, 6.7, 13.2, 31, 57, 74, 97, 119, 141, 148, 154)),
    "bags_2022-03-28-12-01-42": ("fast", 7.7, (0, 2.9, 5.8, 12.9, 23.5, 32, 41.5, 50, 59.3, 62, 64.5)),
    "bags_2022-03-28-12-03-44": ("slow", 12.0, (0, 15.5, 30, 63.5, 110, 141, 185, 217, 246.5, 256, 263)),
}

# WGS 84
_SEMI_MAJOR_M: Final = 6_378_137.0
_ECCENTRICITY_SQUARED: Final = 6.694_379_990_14e-3


@dataclass(frozen=True)
class Traverse(Item):
    """One drive along the route.

    Attributes:
        where: returns the drive's poses; None where the dataset has none for it.
    """

    where: Callable[[], list[Pose]] | None = None

    def poses(self) -> list[Pose]:
        """Return where the camera was, in time order, with the times of the recording; [] where nothing says.

        Positions are metres in the dataset's own frame: Earth-centred (ECEF) for Brisbane and NSAVP, so that every
        drive has the same one; (share of the way, 0, 0) from 0 to 1 for QCR.
        """
        return [] if self.where is None else self.where()


def brisbane_event_vpr(root: str | Path) -> Listing:
    """Return the drives of Brisbane-Event-VPR that lie in a folder, each with the GPS file of the same date.

    The GPS clock is set by the moment at which the published list has the camera's film begin; of a drive that is not
    on that list the GPS file's own clock is taken.

    Raises:
        RecordingError: the folder is not there, or holds no such recording.
    """
    base = folder_of(root)
    items, notes = [], []
    for name, path in _recordings(base, _BRISBANE).items():
        alias, began_s = BRISBANE.get(name, (name, None))
        track = next(iter(sorted(base.rglob(f"{name}*.nmea"))), None)
        if track is None:
            notes.append(f"{path.name}: no {name}*.nmea beside it, so its places have no poses")
        where = None if track is None else _gps(track, began_s)
        items.append(Traverse(path, alias, split=alias, where=where, attributes={"drive": name}))
    return _listing(base, items, notes, "dvs_vpr_YYYY-MM-DD-hh-mm-ss.bag")


def qcr_event_vpr(root: str | Path) -> Listing:
    """Return the drives of QCR-Event-VPR that lie in a folder.

    Raises:
        RecordingError: the folder is not there, or holds no such recording.
    """
    base = folder_of(root)
    items, notes = [], []
    for name, path in _recordings(base, _QCR).items():
        alias, first_s, marks_s = QCR.get(name, (name, 0.0, ()))
        if not marks_s:
            notes.append(f"{path.name}: the published marks do not name this drive, so its places have no poses")
        item = Traverse(path, alias, split=alias, attributes={"drive": name})
        items.append(replace(item, where=_marks(item, first_s, marks_s)) if marks_s else item)
    return _listing(base, items, notes, "bags_YYYY-MM-DD-hh-mm-ss.bag")


def nsavp(root: str | Path, *, side: str = "left") -> Listing:
    """Return the drives of NSAVP that lie in a folder, as one of the two event cameras saw them.

    The attributes of an item have its route, direction (forward, reverse, divergent) and light.

    Args:
        root: the folder.
        side: "left" or "right".

    Raises:
        RecordingError: the folder is not there, or holds no such recording.
    """
    base = folder_of(root)
    items, notes = [], []
    for path in sorted(base.rglob(f"*_dvxplorer_{side}.h5")):
        match = _NSAVP.fullmatch(path.name)
        if match is None:
            notes.append(f"{path.name}: not named as NSAVP names its sequences, left out")
            continue
        truth = path.with_name(f"{match[1]}_applanix.h5")
        if not truth.is_file():
            notes.append(f"{path.name}: no {truth.name} beside it, so its places have no poses")
        where = _applanix(truth) if truth.is_file() else None
        items.append(Traverse(path, match[1], split=match[1], where=where, attributes=_sequence(match[1])))
    return _listing(base, items, notes, f"R0_FA0_dvxplorer_{side}.h5")


def to_ecef(fix: Fix) -> NDArray[np.float64]:
    """Return a satellite position as x, y, z in metres, Earth-centred, on the ellipsoid: GPS heights are too noisy."""
    latitude, longitude = np.radians(fix.latitude), np.radians(fix.longitude)
    normal = _SEMI_MAJOR_M / np.sqrt(1 - _ECCENTRICITY_SQUARED * np.sin(latitude) ** 2)
    plane = normal * np.cos(latitude)
    up = normal * (1 - _ECCENTRICITY_SQUARED) * np.sin(latitude)
    return np.array([plane * np.cos(longitude), plane * np.sin(longitude), up])


def _listing(base: Path, items: Sequence[Traverse], notes: Iterable[str], expected: str) -> Listing:
    if not items:
        raise RecordingError(f"{base}: no recording of this dataset lies there; expected files such as {expected}")
    return Listing(tuple(items), notes=tuple(notes))


def _recordings(base: Path, pattern: re.Pattern[str]) -> dict[str, Path]:
    """Return drive -> recording; of several forms of one drive the first in the order of `_RECORDINGS`."""
    found: dict[str, Path] = {}
    paths = [path for path in sorted(base.rglob("*")) if path.suffix in _RECORDINGS and pattern.match(path.name)]
    for path in sorted(paths, key=lambda path: _RECORDINGS.index(path.suffix)):
        match = pattern.match(path.name)
        if match:
            found.setdefault(match[1], path)
    return dict(sorted(found.items()))


def _gps(track: Path, began_s: float | None) -> Callable[[], list[Pose]]:
    def poses() -> list[Pose]:
        fixes = read_fixes(track)
        shift = 0 if began_s is None or not fixes else round(began_s * 1e6) - fixes[0].t
        return [_pose(fix.t + shift, to_ecef(fix)) for fix in fixes]

    return poses


def _marks(item: Traverse, first_s: float, marks_s: Sequence[float]) -> Callable[[], list[Pose]]:
    """A pose at each mark: the share of the way, as all drives pass the same marks."""

    def poses() -> list[Pose]:
        first = next(iter(item.open()), None)
        if first is None:
            return []
        begin = int(first.t[0]) + round(first_s * 1e6)
        shares = np.linspace(0.0, 1.0, len(marks_s))
        return [
            _pose(begin + round(mark * 1e6), np.array([share, 0.0, 0.0]))
            for mark, share in zip(marks_s, shares, strict=True)
        ]

    return poses


def _applanix(path: Path) -> Callable[[], list[Pose]]:
    def poses() -> list[Pose]:
        import h5py

        with h5py.File(path) as file:
            try:
                group = file["pose_base_link"]
                times, positions, turns = (group[name][:] for name in ("timestamps", "positions", "quaternions"))
            except KeyError as error:
                raise RecordingError(f"{path}: {error}; expected pose_base_link with its three columns") from None
        rows = zip(times // 1000, positions, turns, strict=True)
        return [Pose(int(t), np.asarray(p, np.float64), np.asarray(q, np.float64)) for t, p, q in rows]

    return poses


def _pose(t: int, position: NDArray[np.float64]) -> Pose:
    return Pose(t, position, np.array([0.0, 0.0, 0.0, 1.0]))


def _sequence(name: str) -> dict[str, str]:
    route, kind = name.split("_")[:2]
    return {
        "route": route,
        "direction": {"F": "forward", "R": "reverse", "D": "divergent"}[kind[0]],
        "light": {"A": "afternoon", "S": "sunset", "N": "night"}[kind[1]],
    }
