"""Writing eventflow's own container: chunks of messages, an index at the end, and what the file came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, get_args

import numpy as np

from eventflow import codec
from eventflow.errors import ParameterError, RecordingError, missing_extra
from eventflow.events import Events
from eventflow.io.container import ENCODING, RECORD, SCHEMA_PREFIX, STREAMS, TOTALS, packed, schema_of
from eventflow.io.decoder import Encoder
from eventflow.messages import Message, time_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventflow.io.foxglove import Foxglove

Compression = Literal["lz4", "zstd", "none"]
BLOCK_EVENTS: Final = 16384
CHUNK_BYTES: Final = 1 << 20
_GRAPH: Final = "graph.yaml"


class McapFile:
    """An MCAP file being written by the package mcap.

    Args:
        file: where to write.
        compression: of its chunks.
        library: what the file says it was written by.
        chunk_bytes: a chunk is written when it holds so much; what is in none is lost in a crash.

    Raises:
        MissingExtraError: mcap is not installed.
    """

    def __init__(
        self, file: BinaryIO, compression: Compression, library: str, *, chunk_bytes: int = CHUNK_BYTES
    ) -> None:
        try:
            from mcap import writer
        except ImportError:
            raise missing_extra("mcap", "mcap", "writing an MCAP file") from None
        if compression not in get_args(Compression):
            raise ParameterError(
                f"compression={compression!r} is not allowed; choose {', '.join(get_args(Compression))}"
            )
        kind = writer.CompressionType[compression.upper()]
        self.writer = writer.Writer(file, chunk_size=chunk_bytes, compression=kind)
        self.writer.start(profile="", library=library)
        self._schemas: dict[str, int] = {}
        self._sequences: dict[int, int] = {}

    def channel(
        self, topic: str, encoding: str, schema: tuple[str, str, bytes], metadata: dict[str, str] | None = None
    ) -> int:
        """Return the number of a new channel; `schema` is (name, encoding, description)."""
        name = schema[0]
        if name not in self._schemas:
            self._schemas[name] = self.writer.register_schema(name=name, encoding=schema[1], data=schema[2])
        number: int = self.writer.register_channel(
            topic=topic, message_encoding=encoding, schema_id=self._schemas[name], metadata=metadata or {}
        )
        return number

    def next_sequence(self, channel: int) -> int:
        """Return the number of the next message on a channel."""
        return self._sequences.get(channel, 0)

    def write(self, channel: int, time_us: int, data: bytes) -> None:
        """Append a message. MCAP has no time before 0: an earlier one stands in the message alone."""
        time_ns = max(time_us, 0) * 1000
        sequence = self._sequences.get(channel, 0)
        self._sequences[channel] = sequence + 1
        self.writer.add_message(
            channel_id=channel, log_time=time_ns, data=data, publish_time=time_ns, sequence=sequence & 0xFFFF_FFFF
        )


class ContainerEncoder(Encoder):
    """Writes any kind of message.

    Args:
        mcap: the file.
        width: sensor width, px; 0 where there is no sensor.
        height: sensor height, px.
        said: what the file says of itself besides.
        graph: the text of the graph that the messages come from.
        foxglove: writes what Foxglove shows, too.
    """

    columns = frozenset(("labels", "scores"))

    def __init__(
        self,
        mcap: McapFile,
        *,
        width: int,
        height: int,
        said: Mapping[str, str],
        graph: str | None,
        foxglove: Foxglove | None,
    ) -> None:
        self._mcap, self._size, self._foxglove = mcap, (width, height), foxglove
        self.streams = frozenset((*STREAMS.values(), *(kind.lower() for kind in Message.KINDS)))
        self._channels: dict[tuple[str, str], int] = {}
        self._waiting: list[Events] = []
        self._count = self._events = 0
        self._times: tuple[int, int] | None = None
        mcap.writer.add_metadata(RECORD, {"width": str(width), "height": str(height), **said})
        if graph is not None:
            mcap.writer.add_attachment(
                create_time=0, log_time=0, name=_GRAPH, media_type="application/yaml", data=graph.encode()
            )

    def write(self, events: Events) -> None:
        """Append events."""
        at = 0
        while at < len(events):
            part = events[at : at + BLOCK_EVENTS - self._count]
            self._waiting.append(part)
            self._count += len(part)
            at += len(part)
            if self._count == BLOCK_EVENTS:
                self._flush()

    def flush(self) -> None:
        """Write the events that wait, as a block shorter than others."""
        self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        block = Events.concat(self._waiting)
        self._waiting.clear()
        self._count = 0
        times = block.records["t"]
        self._events += len(block)
        first = int(times[0]) if self._times is None else self._times[0]
        self._times = first, int(times[-1])
        self._put("events", block)
        if self._foxglove is not None:
            self._foxglove.events(block)

    def add(self, stream: str, message: Message) -> None:
        """Append a message of another stream."""
        self._put(stream, message)
        if self._foxglove is not None:
            self._foxglove.add(stream, message)

    def _put(self, stream: str, message: Any) -> None:
        columns = ""
        if isinstance(message, Events):
            if not len(message):
                return
            columns = ",".join(name for name in ("labels", "scores") if getattr(message, name) is not None)
        time = time_of(message) if getattr(message, "ordered", True) else int(message.records["t"].max())
        channel = self._channels.get((stream, columns))
        if channel is None:
            channel = self._channels[stream, columns] = self._new_channel(stream, message, columns)
        self._mcap.write(channel, time, packed(message, self._mcap.next_sequence(channel)))

    def _new_channel(self, stream: str, message: Any, columns: str) -> int:
        kind = type(message)
        metadata = {"stream": stream, "columns": columns}
        if isinstance(message, Events):
            metadata |= {"width": str(message.width), "height": str(message.height)}
        topic = "/" + stream.replace(":/", "/").replace(":", "/")
        schema = f"{SCHEMA_PREFIX}{kind.__name__}", ENCODING, schema_of(kind)
        return self._mcap.channel(topic, ENCODING, schema, metadata)

    def finish(self) -> None:
        """Write the last events, and the index."""
        self._flush()
        if ("events", "") not in self._channels and not self._channels and 0 not in self._size:
            self._new_channel("events", Events.empty(*self._size), "")
        totals = {"events": str(self._events)}
        if self._times is not None:
            totals |= {"t_first": str(self._times[0]), "t_last": str(self._times[1])}
        self._mcap.writer.add_metadata(TOTALS, totals)
        self._mcap.writer.finish()


def said_of_versions() -> dict[str, str]:
    """Return the versions that what is written depends on."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"message_version": str(codec.VERSION), "numpy": np.__version__}
    for name, package in (("eventflow", "eventflow-dvs"), ("numba", "numba")):
        try:
            found[name] = version(package)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def entries_of(entries: Mapping[str, str] | None) -> dict[str, str]:
    """Return further entries, which may not take the names that the file itself uses.

    Raises:
        RecordingError: one does.
    """
    taken = {"width", "height"} & set(entries or {})
    if taken:
        raise RecordingError(f"entries {', '.join(sorted(taken))}: the file says these itself")
    return {name: str(value) for name, value in (entries or {}).items()}
