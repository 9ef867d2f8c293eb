"""MCAP files: eventflow's own container, written and read, and logs of ROS, read. What a file is, its schemas say."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from eventflow.io.container import ContainerDecoder, is_container
from eventflow.io.container_encoder import (
    CHUNK_BYTES,
    Compression,
    ContainerEncoder,
    McapFile,
    entries_of,
    said_of_versions,
)
from eventflow.io.mcap_log import McapLog
from eventflow.io.ros import ClockName, RosDecoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventflow.io.decoder import Decoder
    from eventflow.io.source import ByteSource

NAME: Final = "mcap"
_LIBRARY: Final = "eventflow"


def open_decoder(
    source: ByteSource,
    *,
    topic: str | None = None,
    clock: ClockName = "sensor",
    width: int | None = None,
    height: int | None = None,
) -> Decoder:
    """Return a decoder of an MCAP file.

    Args:
        source: the file.
        topic: topic or stream of the events; None: the first one with events.
        clock: for logs of ROS; see RosDecoder.
        width: sensor width, px, where the messages do not say.
        height: sensor height, px.
    """
    log = McapLog(source)
    if not log.listed:
        log.survey()
    if is_container(log):
        return ContainerDecoder(source, log, topic=topic)
    return RosDecoder(source, log, NAME, topic=topic, clock=clock, width=width, height=height)


def open_encoder(
    file: BinaryIO,
    *,
    width: int,
    height: int,
    compression: Compression = "lz4",
    foxglove: bool = False,
    graph: str | None = None,
    entries: Mapping[str, str] | None = None,
    chunk_bytes: int = CHUNK_BYTES,
) -> ContainerEncoder:
    """Return an encoder of eventflow's own container.

    Args:
        file: can seek.
        width: sensor width, px; 0 where there is none.
        height: sensor height, px.
        compression: lz4, zstd or none.
        foxglove: writes frames, tracks and events once more as what Foxglove shows.
        graph: text of the graph that the messages come from, attached as graph.yaml.
        entries: further entries of the file's own record.
        chunk_bytes: a chunk is written when it holds so much; what is in none is lost in a crash.

    Raises:
        MissingExtraError: mcap is not installed.
    """
    mcap = McapFile(file, compression, _LIBRARY, chunk_bytes=chunk_bytes)
    shown = None
    if foxglove:
        from eventflow.io.foxglove import Foxglove

        shown = Foxglove(mcap, width, height)
    said = {**said_of_versions(), **entries_of(entries)}
    return ContainerEncoder(mcap, width=width, height=height, said=said, graph=graph, foxglove=shown)
