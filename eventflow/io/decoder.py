"""What every format module gives: a Decoder to read with, an Encoder to write with.

A Decoder is a resumable state machine over the bytes of one source. It is asked to fill the rest of a batch and goes on
from where it stopped, so memory does not grow with the file and a packet's size is the caller's choice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eventflow.errors import RecordingError
from eventflow.events import EVENT_DTYPE
from eventflow.io import large_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eventflow.events import Events
    from eventflow.io.source import ByteSource
    from eventflow.messages import Message


@dataclass
class RecordingInfo:
    """What is known of a recording without reading all of it.

    Attributes:
        path: the file, as the user named it.
        format: name of its row in the table of formats.
        width: sensor width, px.
        height: sensor height, px.
        t_first: time of the first event, µs, where the file says it or it was looked up.
        t_last: time of the last event, µs, where the file says it.
        events: number of events, where the file says it.
        sensor: name of the sensor or camera, "" where the file does not say.
        streams: names of what is in the recording: "events", "triggers" (Triggers), "frames" (Frame), "imu" (Imu),
            "poses" (Pose), "fixes" (Fix), "boxes" (Boxes), "labels" (Label), "exposures" (Events: the two threshold
            crossings that measure a pixel's brightness, polarity 1 for the second). A second stream of one kind has its
            own name after a colon: "frames:/camera/right". Without "events" there are none to be read, and `attributes`
            say what there is instead.
        possible: names of streams that a look at the start did not find and that only a full pass rules out; their
            messages may be asked for, and whoever comes upon one moves the name to `streams`.
        size_bytes: size of the file, None for a pipe.
        attributes: the header's other entries, plain values only.
        notes: sentences about what had to be assumed.
    """

    path: str
    format: str
    width: int
    height: int
    t_first: int | None = None
    t_last: int | None = None
    events: int | None = None
    sensor: str = ""
    streams: tuple[str, ...] = ("events",)
    possible: tuple[str, ...] = ()
    size_bytes: int | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Batch:
    """Memory for events on their way out of a decoder, still writable.

    Attributes:
        records: shape (n,), EVENT_DTYPE, uninitialised: who fills an event writes all of its 16 bytes, pad as zeros.
        labels: u1, shape (n,), or None where the decoder has no labels.
        scores: f4, shape (n,), or None.
    """

    __slots__ = ("labels", "records", "scores")

    def __init__(self, size: int, columns: frozenset[str] = frozenset()) -> None:
        self.records: NDArray[np.void] = large_memory.empty(size, EVENT_DTYPE)
        self.labels: NDArray[np.uint8] | None = np.empty(size, np.uint8) if "labels" in columns else None
        self.scores: NDArray[np.float32] | None = np.empty(size, np.float32) if "scores" in columns else None

    def __len__(self) -> int:
        return len(self.records)

    def grow(self, size: int) -> None:
        """Make room for `size` events in all, keeping those there are."""
        for name in self.__slots__:
            array = getattr(self, name)
            if array is not None:
                setattr(self, name, _grown(array, size))

    @property
    def arrays(self) -> list[NDArray[Any]]:
        """The arrays in use, to be copied between; records as plain bytes, since NumPy does not copy a record's pad."""
        columns = [array for array in (self.labels, self.scores) if array is not None]
        return [self.records.view("V16"), *columns]


def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    # ndarray.resize would write zeros to all of the new memory
    grown = large_memory.empty(size, array.dtype)
    grown.view(f"V{array.itemsize}")[: len(array)] = array.view(f"V{array.itemsize}")
    return grown


class Decoder(ABC):
    """One pass over one recording. Made by a format module's `open_decoder(source, **options)`, header already read.

    Attributes:
        info: what the header says.
        skipped: events or words left out so far, by reason. Shared names: `before_time`, `outside`, `reserved`,
            `damaged`, `truncated_bytes`.
        noted: oddities that cost no event so far, by reason: `wraps` of the sensor's clock, `gaps` where the recorder
            said that something is missing, `low_back` where TIME_LOW falls without TIME_HIGH, and whatever else a
            format can tell.
        columns: which of "labels" and "scores" this recording has beside its events.
        steps_back: number of events earlier than the one before them so far, or None where the decoder does not know.
        streams: names of the other streams that recordings of this kind may have, without what follows a colon;
            `info.streams` are those that this one has.
        threads: how many threads `fill` may use, None to have it decide; set by the caller. Many decoders use one
            whatever it says, and what they give does not depend on it.
    """

    columns: frozenset[str] = frozenset()
    streams: ClassVar[frozenset[str]] = frozenset()
    steps_back: int | None = None
    threads: int | None = 1

    def __init__(self, source: ByteSource, info: RecordingInfo) -> None:
        self.source = source
        self.info = info
        self.skipped: dict[str, int] = {}
        self.noted: dict[str, int] = {}

    @abstractmethod
    def fill(self, batch: Batch, start: int) -> int:
        """Write the next events into `batch` from index `start` on and return the index after the last one.

        It returns less than `len(batch)` only where the source had no more to give at once; `start` itself means the
        end. Times are raw, in the file's order; pixels lie inside the sensor; polarity is 0 or 1.
        """

    def messages(self, name: str) -> Iterator[Message]:
        """Return the messages of another stream in `info.streams`, consuming this decoder."""
        raise RecordingError(f"{self.info.path}: no stream {name!r}; it has {', '.join(self.info.streams)}")

    def mark(self) -> dict[str, Any] | None:
        """Return plain values from which `resume` goes on with the event after the last one given out.

        An index is made of such marks, so that a long recording is not decoded from its start to reach its end. They
        hold what was counted (`skipped`, `noted`, `steps_back`) too. A fresh decoder that gives None never gives one:
        its format cannot, or has a table of its own that `seek` uses. Later None only means: not here.
        """
        return None

    def resume(self, mark: dict[str, Any]) -> None:
        """Go on from a `mark` of an earlier pass over the same bytes. Called before the first `fill` only."""
        raise RecordingError(f"{self.info.path}: {self.info.format} has no marks to go on from")

    def seek(self, t: int) -> None:  # noqa: B027 - not to jump ahead is a correct answer
        """Jump close before the first event at or after `t` (µs), where the format makes that cheap.

        Called before the first `fill` only, on a source that can seek. Staying where it is is always right.
        """

    def approach(self, t: int) -> None:
        """Go near time `t` (µs), for a sample: as `seek` does, or less exactly where that costs more."""
        self.seek(t)

    def openeb_origin(self) -> int | None:
        """Return the time that OpenEB makes 0, µs, consuming this decoder; None for formats it does not shift."""
        return None

    def start_near(self, position: int) -> bool:
        """Go on with what can be decoded from byte `position` on, for a sample; return whether that is done.

        Called before the first `fill` only, on a source that can seek. What a format can only know from its beginning
        is missing then: times may lack whole turns of `clock_us`, and what comes first may be counted as `before_time`.
        """
        return False

    @property
    def clock_us(self) -> int | None:
        """The range of the recording's clock, µs, where it turns over; None where times are complete."""
        return None

    def expected_events(self) -> int | None:
        """Return how many events there are at most, or None to have it estimated from a sample of the file."""
        return self.info.events

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the source decoded so far: less than was read where some of it waits in memory."""
        return self.source.position

    def skip(self, reason: str, count: int) -> None:
        """Count something left out."""
        if count:
            self.skipped[reason] = self.skipped.get(reason, 0) + count

    def note(self, reason: str, count: int) -> None:
        """Count something odd that cost no event."""
        if count:
            self.noted[reason] = self.noted.get(reason, 0) + count


class Encoder(ABC):
    """One recording being written to `file`, a binary file that can seek. Made by `open_encoder(file, …)`.

    What is written depends on the events alone, not on how they were cut into packets.

    Attributes:
        columns: which of "labels" and "scores" the format can hold; the others are left behind with one notice.
        streams: names of the other streams the format can hold, as in `RecordingInfo.streams` without what follows a
            colon.
        given_up: streams of which a message came that does not go with the ones before it; nothing of them is kept.
    """

    columns: frozenset[str] = frozenset()
    streams: frozenset[str] = frozenset()
    given_up: frozenset[str] = frozenset()

    @abstractmethod
    def write(self, events: Events) -> None:
        """Append events."""

    def holds(self, stream: str) -> bool:
        """Return whether there is a place for a stream of this name."""
        return stream.partition(":")[0] in self.streams

    def add(self, stream: str, message: Message) -> None:
        """Append a message of another stream.

        A message comes after the events before its time and before the later ones, as far as the source's own order
        allows; within a stream the order is the source's.
        """
        raise RecordingError(f"this format holds no stream {stream!r}")

    def flush(self) -> None:  # noqa: B027 - most formats write every packet at once
        """Write out what waits, where the format can hold it as it is, so that a crash loses little."""

    def finish(self) -> None:  # noqa: B027 - most formats end where their events end
        """Write what belongs at the end. The file is closed by the caller."""

    def discard(self) -> None:  # noqa: B027 - most formats hold nothing but the file
        """Let go of what is held beside the file, which is not finished."""
