"""One input through the readers of trajectories: poses and positions that keep their promises, or an error of ours."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from checking import check_message

import eventflow.io as io
from eventflow.errors import EventflowError
from eventflow.messages import Fix, Pose

_LONGEST_US = 1 << 62


class TrajectoryChecker:
    """Reads damaged trajectories in one form; see checking.Checker.

    Attributes:
        events: poses or positions read so far.
        judged: inputs whose parts, read alone, gave no more than the whole.
    """

    def __init__(self, name: str, path: str) -> None:
        self._path = path
        self._read = {"tum": io.read_poses, "nmea": io.read_fixes}[name]
        self.events = self.judged = 0

    def __call__(self, data: bytes, seed: int) -> type[EventflowError] | None:
        """Read the bytes; return the kind of our error, None where there was none. Raises whatever else happens."""
        Path(self._path).write_bytes(data)
        skipped: dict[str, int] = {}
        try:
            found: list[Any] = self._read(self._path, skipped=skipped)
        except EventflowError as error:
            check_message(error)
            return type(error)
        self.events += len(found)
        if not found or any(count < 1 for count in skipped.values()):
            raise AssertionError(f"{len(found)} read, left out {skipped}")
        if len(found) + sum(skipped.values()) > len(data.splitlines()) + data.count(b"\x0b") + 1:
            raise AssertionError(f"more than there are lines: {len(found)}, left out {skipped}")
        for each in found:
            _check(each)
        self.judged += 1
        return None


def _check(each: Pose | Fix) -> None:
    if not isinstance(each.t, int) or abs(each.t) >= _LONGEST_US:
        raise AssertionError(f"a time that no column holds: {each.t!r}")
    if isinstance(each, Pose):
        sound = np.isfinite(each.position).all() and abs(float(np.linalg.norm(each.orientation)) - 1) < 1e-9
    else:
        sound = abs(each.latitude) <= 90 and abs(each.longitude) <= 180 and not math.isinf(each.altitude)
    if not sound:
        raise AssertionError(f"what is none: {each}")


def trajectories() -> dict[str, tuple[bytes, ...]]:
    """Return small files in each form."""
    poses = [Pose(t, np.array([t / 7, -1.5, 2e-9]), np.array([0.6, 0.0, 0.8, 0.0])) for t in (0, 33_333, 9_999_999)]
    fixes = [Fix(1_700_000_000_000_000 + t, 47.3 - t / 1e9, -8.5, altitude=400.25) for t in (0, 1_000_000, 3_500_000)]
    with TemporaryDirectory() as folder:
        tum = io.write_poses(poses, Path(folder, "a.txt")).read_bytes()
        nmea = io.write_fixes(fixes, Path(folder, "a.nmea")).read_bytes()
    times = b"timestamp,x,y,z,qx,qy,qz,qw\n1700000000000000000,1,2,3,0,0,0,1\n1700000000033333333,1,2,3,0,0,1,0\n"
    clock = b"$GPGGA,235959.5,4717.1,N,00833.9,E,1,8,0.9,545.4,M,46.9,M,,*61\n$GPGGA,000001,4717.1,S,00833.9,W,1,,\n"
    return {"tum": (tum, times), "nmea": (nmea, clock)}
