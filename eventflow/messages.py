"""What travels on edges besides events.

Every message has one time `t` in µs: an event packet that of its last event, a slice and what is made from it its end.
Messages are immutable; their arrays are read-only. A field is an array, a plain value or an Events, so that one codec
carries every kind over every link.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eventflow.events import Events

if TYPE_CHECKING:
    from numpy.typing import NDArray


class _Writable:
    """A read-only array as torch wants it: torch knows no read-only memory and warns of every such array."""

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array  # whoever holds the tensor holds this, and so the memory
        interface = dict(array.__array_interface__)
        self.__array_interface__ = interface | {"data": (interface["data"][0], False)}


class Message:
    """Base of everything that travels on an edge, apart from Events (which is registered as one)."""

    __slots__ = ()
    KINDS: ClassVar[dict[str, type]] = {"Events": Events}
    t: int

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        Message.KINDS[cls.__name__] = cls

    def __post_init__(self) -> None:
        for name in _array_fields(self.__class__.__name__):
            value = getattr(self, name)
            if isinstance(value, np.ndarray) and (value.flags.writeable or not value.flags.c_contiguous):
                value = np.ascontiguousarray(value).view()
                value.flags.writeable = False
                object.__setattr__(self, name, value)


@cache
def _array_fields(kind: str) -> tuple[str, ...]:
    """Return the fields that may hold an array: those not declared as a plain value or Events."""
    plain = {"int", "float", "str", "bool", "Events"}
    return tuple(
        each.name for each in fields(Message.KINDS[kind]) if str(getattr(each.type, "__name__", each.type)) not in plain
    )


@dataclass(frozen=True, slots=True)
class Watermark:
    """A source's word that no message with time < `t` (µs) will come."""

    t: int


@dataclass(frozen=True, slots=True)
class Reset:
    """A source's word that time starts anew: what follows has nothing to do with what came before.

    Every node below is flushed as at the end of a stream and starts again; sinks go on with the files they have.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What is known of a stream before its first message.

    Attributes:
        width: sensor width, px; 0 where there is no sensor.
        height: sensor height, px.
        t_start: time of the first event where the source knows it, µs.
        t_end: time of the last event where the source knows it, µs.
        source: where the stream comes from, for people: a file name, a scene, a camera.
        live: whether time passes by itself at the source.
        attributes: whatever else describes the stream (channels, chip, origin shift), plain values only.
    """

    width: int = 0
    height: int = 0
    t_start: int | None = None
    t_end: int | None = None
    source: str = ""
    live: bool = False
    attributes: dict[str, Any] = field(default_factory=dict)

    def having(self, **changes: Any) -> StreamInfo:
        """Return a copy with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True, eq=False)
class Slice(Message):
    """The events of one window.

    Attributes:
        events: those with t0 <= t < t1 (a slicer by time), or the counted ones (t1 is then the last event's time).
        t0: start of the window, µs.
        t1: end of the window, µs.
        index: number of the window (by time: t0 // every, counted from event time 0).
        complete: False for a window that the end of the stream cut short.
    """

    events: Events
    t0: int
    t1: int
    index: int
    complete: bool = True

    @property
    def t(self) -> int:  # type: ignore[override]
        """The end of the window, µs."""
        return self.t1

    def __len__(self) -> int:
        return len(self.events)


@dataclass(frozen=True, slots=True, eq=False)
class Grid(Message):
    """A dense representation of one window.

    Attributes:
        data: shape (channels, height, width), any real dtype.
        t0: start of the window, µs.
        t1: end of the window, µs.
        channels: a name for each plane.
    """

    data: NDArray[Any]
    t0: int
    t1: int
    channels: tuple[str, ...] = ()

    @property
    def t(self) -> int:  # type: ignore[override]
        """The end of the window, µs."""
        return self.t1

    def torch(self) -> Any:
        """Return the data as a torch tensor that shares its memory: no copy. Others hold the message: do not write.

        Raises:
            MissingExtraError: torch is not installed.
        """
        from eventflow.errors import missing_extra

        try:
            import torch
        except ImportError:
            raise missing_extra("torch", "snn", "Grid.torch()") from None
        return torch.from_numpy(np.asarray(_Writable(self.data)))


@dataclass(frozen=True, slots=True, eq=False)
class Voxels(Message):
    """The voxels of one window that hold events.

    Attributes:
        coordinates: int32, shape (n, 3): bin, row, column.
        features: float32, shape (n, len(channels)).
        t0: start of the window, µs.
        t1: end of the window, µs.
        channels: a name for each feature.
    """

    coordinates: NDArray[np.int32]
    features: NDArray[np.float32]
    t0: int
    t1: int
    channels: tuple[str, ...] = ()

    @property
    def t(self) -> int:  # type: ignore[override]
        """The end of the window, µs."""
        return self.t1

    def __len__(self) -> int:
        return len(self.coordinates)


@dataclass(frozen=True, slots=True, eq=False)
class Frame(Message):
    """An image: uint8, shape (height, width) or (height, width, 3) in RGB, at time t (µs)."""

    image: NDArray[np.uint8]
    t: int


@dataclass(frozen=True, slots=True, eq=False)
class Tracks(Message):
    """The objects seen at time t (µs): columns of one length n.

    Attributes:
        t: time, µs, one for all rows.
        id: identity, int64, stable while the object is followed.
        x: centre, px, float64.
        y: centre, px, float64.
        vx: velocity, px/s, float64.
        vy: velocity, px/s, float64.
        w: width, px, float64.
        h: height, px, float64.
        mass: how much evidence supports the object, float64 (a tracker documents its unit).
    """

    t: int
    id: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    vx: NDArray[np.float64]
    vy: NDArray[np.float64]
    w: NDArray[np.float64]
    h: NDArray[np.float64]
    mass: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True, eq=False)
class Boxes(Message):
    """Labelled boxes at time t (µs): x, y the top left corner and w, h, px, float64; class_id and track_id int64."""

    t: int
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    w: NDArray[np.float64]
    h: NDArray[np.float64]
    class_id: NDArray[np.int64]
    track_id: NDArray[np.int64]
    confidence: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Flow(Message):
    """Optical flow at time t (µs): velocity vx, vy (px/s) at points x, y (px): float32 columns of one length."""

    t: int
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    vx: NDArray[np.float32]
    vy: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Corners(Message):
    """Corners found up to time t (µs): their events' times and places and a score, columns of one length."""

    t: int
    time: NDArray[np.int64]
    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    score: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Label(Message):
    """A class decided at time t (µs), with its confidence (0 to 1) and the scores of all classes."""

    t: int
    label: int
    confidence: float
    name: str = ""
    scores: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Place(Message):
    """The place recognised at time t (µs).

    Attributes:
        t: time, µs.
        place: its id; -1: not on the route.
        score: the probability that the camera is at the first of `alternatives`.
        alternatives: places from the likeliest on. The first is `place`; of -1: what the answer would be if it were
            surer.
        held: whether the window said nothing (the camera stands still) and an earlier answer is repeated.
    """

    t: int
    place: int
    score: float
    alternatives: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    held: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Descriptor(Message):
    """What one window looks like, for recognising places.

    Attributes:
        vector: float32, shape (n,); what its elements are, the stream's attribute `descriptor` says.
        t0: start of the window, µs.
        t1: end of the window, µs.
        count: events in the window.
    """

    vector: NDArray[np.float32]
    t0: int
    t1: int
    count: int

    @property
    def t(self) -> int:  # type: ignore[override]
        """The end of the window, µs."""
        return self.t1


@dataclass(frozen=True, slots=True, eq=False)
class Pose(Message):
    """Position (m) and orientation quaternion (x, y, z, w) at time t (µs), each float64."""

    t: int
    position: NDArray[np.float64]
    orientation: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Alarm(Message):
    """A limit that was left (`raised`) or is kept again at time t (µs): its name, the value found, the limit, where."""

    t: int
    name: str
    raised: bool
    value: float
    limit: float
    where: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Fix(Message):
    """A satellite position at time t (µs): latitude and longitude in degrees (WGS 84), altitude in m."""

    t: int
    latitude: float
    longitude: float
    altitude: float = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Triggers(Message):
    """Edges on external trigger lines, the last at t (µs): columns time (int64, µs), line (uint8), value (uint8)."""

    t: int
    time: NDArray[np.int64]
    line: NDArray[np.uint8]
    value: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Imu(Message):
    """Inertial samples, the last at t (µs): time (int64, µs), accel (n, 3) in m/s^2, gyro (n, 3) in rad/s, float32."""

    t: int
    time: NDArray[np.int64]
    accel: NDArray[np.float32]
    gyro: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Raw(Message):
    """A sensor's own bytes as they came, uint8, the words up to time t (µs) among them.

    Attributes:
        t: time of the newest event or edge so far, µs.
        data: the bytes.
        encoding: how they are decoded, as the header of a RAW file says it: evt3, evt21;endianness=little.
    """

    t: int
    data: NDArray[np.uint8]
    encoding: str


def time_of(message: Any) -> int:
    """Return a message's time, µs: an Events packet's is that of its last event."""
    if isinstance(message, Events):
        last: int = message.records["t"].item(-1)  # four times as fast as int(records[-1]["t"])
        return last
    return int(message.t)


def first_time_of(message: Any) -> int:
    """Return the earliest time in a message, µs: an Events packet's first event, any other message's own time."""
    if isinstance(message, Events):
        first: int = message.records["t"].item(0)
        return first
    return int(message.t)


def events_in(message: Any) -> int:
    """Return how many events a message carries: Events and Slice their length, other kinds 0."""
    if isinstance(message, Events):
        return len(message.records)
    return len(message.events.records) if isinstance(message, Slice) else 0
