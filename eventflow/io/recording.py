"""Reading recordings: `open` for packets, `read` for everything at once."""

from __future__ import annotations

import inspect
from functools import cache
from typing import TYPE_CHECKING, Any, Final, get_args

from eventflow.errors import ParameterError, RecordingError
from eventflow.events import Events
from eventflow.io.decoder import Batch, Decoder, RecordingInfo
from eventflow.io.message_times import shifted
from eventflow.io.order import Backwards, Jump, OnJump, TimeOrder
from eventflow.io.origin import Origin, origin_time
from eventflow.io.source import open_source
from eventflow.io.stream import EventStream, packet_of
from eventflow.io.table import Format, format_at, format_named

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from eventflow.io.indexing import Way
    from eventflow.io.source import ByteSource
    from eventflow.io.time_index import TimeIndex
    from eventflow.messages import Message

_SAMPLE_EVENTS: Final = 1 << 16
_SLACK: Final = 3.0  # a recording may be denser later than at its start
_MOST_EVENTS: Final = 1 << 29  # 8 GiB, beyond which memory is made room for as it is needed


class Recording:
    """An opened recording: iterate over it for packets of events. Made by `open`, which documents the arguments.

    Each `iter()` begins at `start` (or where `seek` said) and yields non-empty packets of exactly `packet_events`
    events, the last one shorter. A pipe can be iterated once. May be used with `with`, or closed by `close()`, or left.

    Attributes:
        path: the file, as named by the user.
        skipped: events or words left out by the last iteration, by reason; complete when it has ended.
        repaired: events mended by the last iteration, by reason.
        steps_back: events of the last iteration earlier than the event before them.
        shift: µs subtracted from every time by the last iteration.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        packet_events: int,
        start: int | None,
        end: int | None,
        backwards: Backwards,
        max_backstep: int,
        on_jump: OnJump,
        origin: Origin,
        format: Format | None,
        reader: str | None,
        options: dict[str, Any],
    ) -> None:
        if packet_events < 1:
            raise ParameterError(f"packet_events={packet_events}: a packet holds at least one event")
        if origin not in get_args(Origin):
            raise ParameterError(f"origin={origin!r} is not allowed; choose {', '.join(get_args(Origin))}")
        self.packet_events = packet_events
        self._start, self._end, self._origin = start, end, origin
        self._order: dict[str, Any] = {"policy": backwards, "max_backstep": max_backstep, "on_jump": on_jump}
        self._options, self._reader = options, reader
        self._sought: int | None = None
        self._seeks = 0
        self._shift: int | None = None
        self._stream: EventStream | None = None
        TimeOrder(**self._order, name="")  # refuses a policy that does not exist before the file is touched
        source = open_source(path)
        self.path = source.path
        self._sources = [source]
        try:
            self._format = format or format_at(source)
            self._fresh: Decoder | None = self._decoder(source)
        except BaseException:
            source.close()
            raise
        self._info = self._fresh.info
        self._seekable = source.seekable
        self._way: Way | None = None

    @property
    def info(self) -> RecordingInfo:
        """What is known of the recording; the time of the first event is looked up in a file, not in a pipe."""
        if self._info.t_first is None and self._seekable and "events" in self._info.streams:
            probe = self._fresh_decoder()
            try:
                batch = Batch(1, probe.columns)
                if probe.fill(batch, 0):
                    self._info.t_first = int(batch.records[0]["t"])
            finally:
                probe.source.close()
        return self._info_with_streams()

    def _info_with_streams(self) -> RecordingInfo:
        """Return what is known, with the streams that a pass came upon since the header was read."""
        if self._stream is not None:
            names = dict.fromkeys((*self._info.streams, *self._stream.decoder.info.streams))
            self._info.streams = tuple(names)
            self._info.possible = tuple(name for name in self._info.possible if name not in names)
        return self._info

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the streams in the recording, "events" among them where it has any."""
        return self._info_with_streams().streams

    @property
    def skipped(self) -> dict[str, int]:
        """Events or words left out, by reason."""
        return {} if self._stream is None else dict(self._stream.decoder.skipped)

    @property
    def noted(self) -> dict[str, int]:
        """Oddities that cost no event, by reason."""
        return {} if self._stream is None else dict(self._stream.decoder.noted)

    @property
    def repaired(self) -> dict[str, int]:
        """Events whose time was mended, or that were left out because of it, by reason."""
        return {} if self._stream is None else dict(self._stream.order.repaired)

    @property
    def steps_back(self) -> int:
        """Number of events earlier than the event before them."""
        return 0 if self._stream is None else self._stream.order.steps_back

    @property
    def shift(self) -> int:
        """µs subtracted from every time by the last iteration; see `origin`."""
        return 0 if self._stream is None else self._stream.shift or 0

    @property
    def time_shift(self) -> int | None:
        """µs that iterations will subtract from every time; None where only the first event of a pipe will say."""
        return self._origin_time()

    @property
    def seekable(self) -> bool:
        """Whether the recording can be read again and in any order: it is no pipe."""
        return self._seekable

    @property
    def progress(self) -> float | None:
        """Share of the file consumed by the last iteration, 0 to 1; None for a pipe."""
        if self._stream is None:
            return 0.0
        source = self._stream.decoder.source
        return source.position / source.size if source.size else None

    def seek(self, t: int) -> None:
        """Continue at the next event at or after `t` (µs): a running iteration does, and else the next one.

        The format's own table is used, or an index beside the file (`eventflow.io.index`); a file of 64 MB and more
        that has neither is given an index as far as `t`.

        Raises:
            RecordingError: the recording is a pipe.
        """
        if not self._seekable:
            raise RecordingError(f"{self.path}: a pipe cannot go to another time; write it to a file first")
        self._sought = t
        self._seeks += 1

    def __iter__(self) -> Iterator[Events]:
        return (item for item in self.items() if isinstance(item, Events))

    def items(self) -> Iterator[Events | Jump]:
        """Yield packets and, with `on_jump="reset"`, a Jump wherever time starts afresh."""
        while True:
            seeks = self._seeks
            stream = self._begin()
            try:
                for item in stream.items(self.packet_events):
                    yield item
                    if self._seeks != seeks:
                        break
                else:
                    return
            finally:
                self._close(stream.decoder.source)

    def messages(self, name: str) -> Iterator[Message]:
        """Yield the messages of another stream, such as "triggers", "frames" or "imu", times from the same origin.

        Raises:
            RecordingError: the recording has no such stream.
        """
        if name not in (*self._info.streams, *self._info.possible):
            raise RecordingError(f"{self.path}: no stream {name!r}; it has {', '.join(self._info.streams)}")
        shift = self._origin_time() or 0
        decoder = self._fresh_decoder()
        try:
            yield from (shifted(message, shift) for message in decoder.messages(name))
        finally:
            self._close(decoder.source)

    def all_events(self, *, threads: int | None = None) -> Events:
        """Return everything from `start` to `end` as one packet in fresh memory; `read` documents `threads`."""
        if threads is not None and threads < 1:
            raise ParameterError(f"threads={threads}: at least one thread decodes; None uses several for large files")
        stream = self._begin()
        try:
            info = stream.decoder.info
            batch, count = _fill_all(stream, threads)
            ordered = True if stream.order.steps_back == 0 else None
            return packet_of(batch, count, info.width, info.height, ordered)
        finally:
            self._close(stream.decoder.source)

    @property
    def index(self) -> TimeIndex | None:
        """The index beside the file, where there is one that belongs to it; see `eventflow.io.index`."""
        return self._ways().known()

    def fresh_decoder(self) -> Decoder:
        """Return a decoder at the beginning of the recording; its source is the caller's to close."""
        return self._fresh_decoder()

    def close(self) -> None:
        """Close the file. An iteration that is under way ends with an error; a new one opens the file again."""
        for source in self._sources:
            source.close()
        self._sources.clear()
        self._fresh = None

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Recording({self.path!r}, {self._info.format}, {self._info.width}x{self._info.height})"

    def _begin(self) -> EventStream:
        start = self._start if self._sought is None else self._sought
        self._sought = None
        shift = self._origin_time()
        decoder = self._fresh_decoder()
        passed = 0
        if start is not None and self._seekable and self._reader is None:
            passed = self._ways().go(decoder, start + (shift or 0))
        order = TimeOrder(**self._order, name=self.path, index=passed)
        self._stream = EventStream(decoder, order, start=start, end=self._end, origin=self._origin, shift=shift)
        return self._stream

    def _origin_time(self) -> int | None:
        """Return the time that becomes 0, or None where only the first event of a pipe will say."""
        if self._origin == "raw":
            return 0
        if not self._seekable and self._origin != "zero":
            raise RecordingError(
                f"{self.path}: origin={self._origin!r} is looked up before reading; write the pipe to a file first"
            )
        if self._shift is None and self._seekable:
            t_first = self.info.t_first
            probe = self._fresh_decoder()
            try:
                self._shift = origin_time(probe, self._origin, t_first)
            finally:
                self._close(probe.source)
        return self._shift

    def _ways(self) -> Way:
        """Return how times are found in this recording."""
        from eventflow.io.indexing import Way

        if self._way is None:
            self._way = Way(self.path, self._format, self._options)
        return self._way

    def _decoder(self, source: ByteSource) -> Decoder:
        decoder = decoder_of(self._format, source, self._options)
        if self._reader is None:
            return decoder
        from eventflow.io.readers import foreign

        return foreign(self._reader, decoder)

    def _fresh_decoder(self) -> Decoder:
        decoder, self._fresh = self._fresh, None
        if decoder is None:
            if not self._seekable:
                raise RecordingError(f"{self.path}: a pipe can be read once; write it to a file first")
            source = open_source(self.path)
            self._sources.append(source)
            decoder = self._decoder(source)
        return decoder

    def _close(self, source: ByteSource) -> None:
        source.close()
        if source in self._sources:
            self._sources.remove(source)


def decoder_of(format: Format, source: ByteSource, options: dict[str, Any]) -> Decoder:
    """Return a decoder of a source of this format, its header read."""
    if source.folder and format.folder is None:
        raise RecordingError(f"{source.path}: is a directory, and {format.title} is a file")
    decoder = call_with(format.load().open_decoder, source, options=options, what=format.name)
    assert isinstance(decoder, Decoder)
    return decoder


def call_with(function: Callable[..., Any], *arguments: Any, options: dict[str, Any], what: str) -> Any:
    """Call a format's function, refusing options it does not take. Options that are None are left to its defaults.

    Raises:
        ParameterError: an option has no such name.
    """
    given = {name: value for name, value in options.items() if value is not None}
    known = _options_of(function)
    for name in given:
        if name not in known:
            raise ParameterError(f"format {what} takes no option {name!r}; it takes {', '.join(known) or 'none'}")
    return function(*arguments, **given)


@cache
def _options_of(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY)


def _fill_all(stream: EventStream, threads: int | None) -> tuple[Batch, int]:
    decoder = stream.decoder
    first = Batch(_SAMPLE_EVENTS, decoder.columns)
    count = stream.fill_through(first, 0)
    if count < len(first):
        return first, count
    decoder.threads = threads
    batch = Batch(max(_room_for(decoder, count), 2 * count), decoder.columns)
    for target, source in zip(batch.arrays, first.arrays, strict=True):
        target[:count] = source[:count]
    count = stream.fill_through(batch, count)
    while count == len(batch):
        batch.grow(len(batch) * 2)
        count = stream.fill_through(batch, count)
    return batch, count


def _room_for(decoder: Decoder, count: int) -> int:
    """Return how many events to make room for, after `count` of them. What is not used costs only addresses."""
    expected = decoder.expected_events()
    if expected is None and decoder.source.size is not None:
        expected = int(count / max(decoder.decoded_bytes, 1) * decoder.source.size * _SLACK)
    return min(expected or 0, _MOST_EVENTS) + 1


def open(
    path: str | os.PathLike[str],
    *,
    packet_events: int = 65536,
    start: int | None = None,
    end: int | None = None,
    backwards: Backwards = "keep",
    max_backstep: int = 10_000,
    on_jump: OnJump = "fail",
    origin: Origin = "raw",
    width: int | None = None,
    height: int | None = None,
    format: str | None = None,
    reader: str | None = None,
    **options: Any,
) -> Recording:
    """Open a recording to read it packet by packet, in memory that does not grow with the file.

    Args:
        path: a file, a folder that is one recording (a ROS 2 bag), a named pipe, or "-" for standard input.
        packet_events: events in a packet.
        start: begin with the first event at or after this time, µs; found as `Recording.seek` does. What `backwards`
            does, and what is counted of it, begins there too.
        end: stop before the first event at or after this time, µs.
        backwards: what to do where time steps back: `keep`, `clamp`, `drop` or `fail`.
        max_backstep: the largest step back that `clamp` mends, µs; a larger one is a discontinuity.
        on_jump: at a discontinuity `fail`, or `reset`: `Recording.items()` then yields a Jump.
        origin: `raw` times as recorded; `zero`: the first event of the recording is at 0; `openeb`: as OpenEB shifts
            Prophesee RAW files; `unix`: since 1970, where the file has such times or a date.
        width: sensor width, px, for formats and files that do not say.
        height: sensor height, px.
        format: name of the format, where the bytes do not say; see `formats()`.
        reader: another library to read the events with, "expelliarmus" or "aedat"; see readers.py.
        options: further options of the format.

    Raises:
        RecordingError: the file cannot be opened, is empty, or its header is wrong.
        UnknownFormatError: its format is not recognised.
    """
    return Recording(
        path,
        packet_events=packet_events,
        start=start,
        end=end,
        backwards=backwards,
        max_backstep=max_backstep,
        on_jump=on_jump,
        origin=origin,
        format=None if format is None else format_named(format),
        reader=reader,
        options={"width": width, "height": height, **options},
    )


def read(path: str | os.PathLike[str], *, threads: int | None = None, **options: Any) -> Events:
    """Return all events of a recording as one packet.

    Args:
        path: a file, a folder that is one recording (a ROS 2 bag), a named pipe, or "-" for standard input.
        threads: how many threads decode, where a format can use several: Prophesee RAW and DAT, AEDAT 4, HDF5 of
            columns. The events are the same for any number. None uses one for small files, and for large ones as many
            as there are cores, at most four. Pipes and other formats ignore it.
        options: all that `open` takes.

    Raises:
        RecordingError: the file cannot be opened, is empty, or its header is wrong.
        ParameterError: `threads` is less than one.
    """
    with open(path, **options) as recording:
        return recording.all_events(threads=threads)
