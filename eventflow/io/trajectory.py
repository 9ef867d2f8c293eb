"""Where a camera was: trajectories (poses) and satellite positions (fixes), read from and written to text.

Trajectories are TUM's: a line `t x y z qx qy qz qw` a pose, s and m, a unit quaternion. Positions are NMEA 0183, its
sentences GGA and RMC.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import RecordingError
from eventflow.io.columns_decoder import checked_unit
from eventflow.io.nmea import fixes_of, sentences_of
from eventflow.io.parts import PartFile, writing
from eventflow.messages import Fix, Pose

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, MutableMapping
    from pathlib import Path

    from numpy.typing import NDArray

_US_IN_S: Final = 1_000_000
_LONGEST_US: Final = 1 << 62
_POWERS: Final = {"s": 6, "ms": 3, "us": 0, "ns": -3}


def read_poses(
    path: str | os.PathLike[str], *, unit: str | None = None, skipped: MutableMapping[str, int] | None = None
) -> list[Pose]:
    """Return the poses of a trajectory in TUM's form, in the file's order.

    Fields are divided by spaces, tabs or commas; lines that begin with # or % and a first line of names are passed
    over. Quaternions are made unit length.

    Args:
        path: the file.
        unit: of the times: s, ms, us or ns; None takes them for s, or for ns where they are whole and as large as
            those since 1970 are.
        skipped: if given, lines that are no poses are counted in it by reason: `malformed`.

    Raises:
        RecordingError: the file cannot be read, or holds no pose.
        ParameterError: there is no such unit.
    """
    checked_unit(unit)
    poses: list[Pose] = []
    malformed = 0
    for line in _lines(path):
        bare = line.replace(",", " ").replace(";", " ").split()
        if not bare or bare[0][0] in "#%":
            continue
        pose = _pose(bare, unit)
        if pose is not None:
            poses.append(pose)
        elif poses or malformed or not any(character.isalpha() for character in bare[0]):
            malformed += 1
    if not poses:
        raise RecordingError(f"{path}: no line is a pose; expected 't x y z qx qy qz qw', in s and m")
    if skipped is not None and malformed:
        skipped["malformed"] = skipped.get("malformed", 0) + malformed
    return poses


def write_poses(poses: Iterable[Pose], path: str | os.PathLike[str]) -> Path:
    """Write a trajectory in TUM's form, which is read back equal to the last bit, and return its path."""
    with PartFile(path) as part, writing(path), part.part.open("w", encoding="ascii", newline="\n") as file:
        file.write("# timestamp tx ty tz qx qy qz qw\n")
        for pose in poses:
            numbers = (*pose.position.tolist(), *pose.orientation.tolist())
            file.write(f"{seconds_text(pose.t)} " + " ".join(map(repr, numbers)) + "\n")
    return part.path


def read_fixes(path: str | os.PathLike[str], *, skipped: MutableMapping[str, int] | None = None) -> list[Fix]:
    """Return the positions of an NMEA file, in the file's order, one for each moment.

    GGA gives time of day, place and altitude, RMC time, place and date; those of one moment make one Fix. Times are µs
    since 1970 (UTC) from the first date on; without any date, µs since midnight of the first day.

    Args:
        path: the file.
        skipped: if given, what was left out is counted in it: `checksum` (wrong), `malformed`, `no_fix` (the receiver
            said that it had none).

    Raises:
        RecordingError: the file cannot be read, or holds no position.
    """
    counts: dict[str, int] = {}
    fixes = list(fixes_of(_lines(path), counts))
    if not fixes:
        found = ", ".join(f"{count} {reason}" for reason, count in counts.items()) or "no sentence at all"
        raise RecordingError(f"{path}: no NMEA sentence GGA or RMC with a position; found {found}")
    for reason, count in counts.items():
        if skipped is not None:
            skipped[reason] = skipped.get(reason, 0) + count
    return fixes


def write_fixes(fixes: Iterable[Fix], path: str | os.PathLike[str]) -> Path:
    """Write positions as NMEA, a pair of RMC and GGA each, to the µs and 2 mm, and return the path."""
    with PartFile(path) as part, writing(path), part.part.open("w", encoding="ascii", newline="") as file:
        for fix in fixes:
            file.writelines(sentence + "\r\n" for sentence in sentences_of(fix))
    return part.path


def pose_of(t: int, matrix: NDArray[Any]) -> Pose:
    """Return the pose that a rigid transformation, shape (4, 4) or (3, 4), is, at time t (µs).

    Shepperd 1978, "Quaternion from rotation matrix": the largest component is found first.
    """
    rotation = np.asarray(matrix, np.float64)[:3, :3]
    trace = float(np.trace(rotation))
    i = int(np.argmax([*np.diag(rotation), trace]))
    quaternion = np.empty(4)
    if i == 3:
        skew = rotation - rotation.T
        quaternion[:] = skew[2, 1], skew[0, 2], skew[1, 0], 1 + trace
    else:
        j, k = (i + 1) % 3, (i + 2) % 3
        quaternion[i] = 1 + 2 * rotation[i, i] - trace
        quaternion[j] = rotation[j, i] + rotation[i, j]
        quaternion[k] = rotation[k, i] + rotation[i, k]
        quaternion[3] = rotation[k, j] - rotation[j, k]
    length = float(np.linalg.norm(quaternion))
    return Pose(t, np.array(matrix, np.float64)[:3, 3].copy(), quaternion / (length or 1.0))


def matrix_of(pose: Pose) -> NDArray[np.float64]:
    """Return a pose as a rigid transformation, shape (4, 4); the reverse of `pose_of`."""
    x, y, z, w = pose.orientation
    matrix = np.eye(4)
    matrix[:3, :3] = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )
    matrix[:3, 3] = pose.position
    return matrix


def seconds_text(t: int) -> str:
    """Return a time in µs as seconds with all six decimals."""
    sign, t = ("-", -t) if t < 0 else ("", t)
    return f"{sign}{t // _US_IN_S}.{t % _US_IN_S:06d}"


def _lines(path: str | os.PathLike[str]) -> Iterable[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            while line := file.readline(1 << 16):
                yield line
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror or error}") from error


def _pose(fields: list[str], unit: str | None) -> Pose | None:
    if len(fields) < 8:
        return None
    try:
        time = Decimal(fields[0])
        numbers = np.array([float(field) for field in fields[1:8]])
    except (InvalidOperation, ValueError):
        return None
    with np.errstate(over="ignore"):
        length = float(np.linalg.norm(numbers[3:]))
    if not time.is_finite() or abs(time.adjusted()) > 30 or not np.isfinite(numbers).all() or not 0.5 < length < 2:
        return None
    if unit is None:
        unit = "ns" if time == time.to_integral_value() and abs(time) > 10**17 else "s"
    t = int((time * Decimal(10) ** _POWERS[unit]).to_integral_value())
    if abs(t) >= _LONGEST_US:
        return None
    return Pose(t, numbers[:3], numbers[3:] / length if abs(length - 1) > 1e-12 else numbers[3:])
