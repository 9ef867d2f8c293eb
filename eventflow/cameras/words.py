"""A Prophesee sensor's words as they come: the decoders of recordings, fed a block at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eventflow.errors import LinkError
from eventflow.io import evt2, evt3, evt21
from eventflow.io.decoder import Batch
from eventflow.io.source import CHUNK_BYTES, ByteSource
from eventflow.io.stream import mended_packets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventflow.events import Events
    from eventflow.io.order import TimeOrder
    from eventflow.messages import Message, Reset

_MODULES: Final = {"evt2": evt2, "evt21": evt21, "evt3": evt3}
_BATCH_EVENTS: Final = 1 << 16


class _Pushed(ByteSource):
    """Bytes that somebody hands over."""

    def __init__(self, name: str, first: bytes) -> None:
        self.path, self._ahead = name, first
        self.position, self.size, self.seekable = 0, None, False

    def push(self, data: bytes) -> None:
        """Hand bytes over."""
        self._ahead += data

    def _read_file(self, buffer: memoryview) -> int:
        return 0

    def close(self) -> None:
        """Do nothing: there is no file."""


class WordStream:
    """Events and trigger edges out of a camera's words, whatever the borders of its blocks.

    Args:
        encoding: evt2, evt21;endianness=little or =legacy, or evt3.
        width: px.
        height: px.
        name: of the camera, for messages.
    """

    def __init__(self, encoding: str, width: int, height: int, name: str) -> None:
        kind, _, options = encoding.partition(";")
        if kind not in _MODULES:
            raise LinkError(f"{name} sends {encoding!r}, which is not decoded here; known: {', '.join(_MODULES)}")
        more = f"{options};" if options else ""
        header = f"% format {kind.upper()};{more}height={height};width={width}\n% end\n".encode()
        self._size = (width, height)
        self._sources = (_Pushed(name, header), _Pushed(name, header))
        module = _MODULES[kind]
        self._events, self._triggers = (module.open_decoder(source) for source in self._sources)

    @property
    def skipped(self) -> dict[str, int]:
        """What was left out, by reason."""
        return dict(self._events.skipped)

    def feed(self, data: bytes, order: TimeOrder) -> Iterator[Events | Reset | Message]:
        """Yield the events of the words that are complete now, mended by `order`, and the trigger edges among them."""
        view = memoryview(data)
        for at in range(0, len(data), CHUNK_BYTES):
            for source in self._sources:
                source.push(bytes(view[at : at + CHUNK_BYTES]))
            yield from self._more_events(order, room=min(_BATCH_EVENTS, 64 + 12 * (len(data) - at)))
            self._triggers.go_on()
            yield from self._triggers.messages("triggers")

    def _more_events(self, order: TimeOrder, *, room: int) -> Iterator[Events | Reset]:
        while True:
            batch = Batch(room)
            self._events.go_on()
            made = self._events.fill(batch, 0)
            if not made:
                return
            yield from mended_packets(order, batch, made, *self._size)
