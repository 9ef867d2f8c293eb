"""MCAP files with events of dvs_msgs or event_camera_msgs, and streams beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eventflow.io.mcap_log import McapLog
from eventflow.io.ros import ClockName, RosDecoder

if TYPE_CHECKING:
    from eventflow.io.source import ByteSource

NAME: Final = "mcap"


def open_decoder(
    source: ByteSource,
    *,
    topic: str | None = None,
    clock: ClockName = "sensor",
    width: int | None = None,
    height: int | None = None,
) -> RosDecoder:
    """Return a decoder of an MCAP file; see RosDecoder."""
    return RosDecoder(source, McapLog(source), NAME, topic=topic, clock=clock, width=width, height=height)
