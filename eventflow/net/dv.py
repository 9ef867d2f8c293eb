"""The network format of dv-processing: an AEDAT 4 file without its version line, one stream a connection.

A server sends the header to whoever connects, and then packets: stream number i32, size i32, payload. The client says
nothing. Connections are TCP, TLS over TCP, or UNIX sockets.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import struct
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import LinkError, RecordingError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.io.aedat4_encoder import packer
from eventflow.io.aedat4_flatbuffers import FlatbufferError, events_prefix, framed_events
from eventflow.io.aedat4_header import VERSION_LINE, StreamHeader, read_header, write_header, written_stream
from eventflow.io.aedat4_kernels import LAST_TIME, OUTSIDE, POLARITY, STATE_SIZE, STEPS_BACK, take_events
from eventflow.io.aedat4_messages import READERS, UnknownFrameError, frame_bytes, imu_bytes, triggers_bytes
from eventflow.io.aedat4_unpacking import COMPRESSIONS, PacketError, Unpacker
from eventflow.io.order import BEFORE_ALL_TIME
from eventflow.io.source import ByteSource
from eventflow.messages import Frame, Imu

if TYPE_CHECKING:
    from pathlib import Path

    from eventflow.messages import Message

LARGEST_PACKET_BYTES: Final = 256_000_000
_HEAD: Final = struct.Struct("<ii")
_BUFFER_BYTES: Final = 1 << 20
_HEADER_TIMEOUT_S: Final = 5.0
_FAREWELL_S: Final = 1.0
_KINDS: Final = {"Events": ("EVTS", "events"), "Frame": ("FRME", "frames"), "Imu": ("IMUS", "imu")}


class ClosedError(Exception):
    """The peer closed the connection."""


def tls_client(certificate: Path, key: Path, authority: Path | None) -> ssl.SSLContext:
    """Return what a client needs to speak with a TLS server that wants to know it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_cert_chain(certificate, key)
    if authority is None:
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(authority)
    return context


def tls_server(certificate: Path, key: Path, authority: Path | None) -> ssl.SSLContext:
    """Return what a TLS server needs; with an authority it wants certificates of its clients."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if authority is not None:
        context.load_verify_locations(authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class _SocketSource(ByteSource):
    """The bytes of a connection as an AEDAT 4 file's."""

    def __init__(self, name: str, connection: socket.socket) -> None:
        self.path, self.position, self.seekable, self.size = name, 0, False, None
        self._ahead = VERSION_LINE
        self.file = connection.makefile("rb", buffering=0)  # type: ignore[assignment]


class Client:
    """One connection to a server.

    Args:
        address: (host, port), or the path of a UNIX socket.
        tls: for an encrypted connection.

    Attributes:
        stream: what the server sends.
        damaged: packets left out because they contradict themselves.

    Raises:
        LinkError: nobody answers, or with something else.
    """

    def __init__(self, address: tuple[str, int] | str, *, tls: ssl.SSLContext | None = None) -> None:
        self._name = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
        self.damaged = 0
        self._socket = _connected(address, self._name, tls)
        source = _SocketSource(self._name, self._socket)
        try:
            header = read_header(source)
            self.stream: StreamHeader = next(iter(header.streams.values()))
            ahead = source.read(len(source._ahead))
        except (RecordingError, OSError, StopIteration) as error:
            self._socket.close()
            raise LinkError(f"{self._name}: not a server of dv-processing: {error or 'it names no stream'}") from None
        finally:
            source.file.close()  # or the connection would stay open as long as somebody holds the source
        self._unpack = Unpacker(header.compression)
        self._buffer = bytearray(max(_BUFFER_BYTES, len(ahead)))
        self._buffer[: len(ahead)] = ahead
        self._begin, self._end = 0, len(ahead)  # what of the buffer has come and is not used yet

    def receive(self, timeout_s: float) -> list[Message | Events]:
        """Return the messages of the next packet, none where nothing came in time.

        Raises:
            ClosedError: the server closed the connection.
            LinkError: what it sends is no packet.
        """
        if not self._has(_HEAD.size, timeout_s):
            return []
        _, size = _HEAD.unpack_from(self._buffer, self._begin)
        if not 0 <= size <= LARGEST_PACKET_BYTES:
            raise LinkError(f"{self._name}: a packet of {size} bytes: the peer speaks something else")
        if not self._has(_HEAD.size + size, timeout_s):
            return []
        begin, self._begin = self._begin + _HEAD.size, self._begin + _HEAD.size + size
        payload = bytes(memoryview(self._buffer)[begin : self._begin])
        try:
            return self._messages(self._unpack(memoryview(payload)))
        except (PacketError, FlatbufferError, UnknownFrameError, ValueError):
            self.damaged += 1
            return []

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _messages(self, data: bytes) -> list[Any]:
        if self.stream.identifier in READERS:
            return list(READERS[self.stream.identifier](data, lambda reason, count: None))
        packet = np.frombuffer(framed_events(data), np.int64).reshape(-1, 2)
        words = np.empty_like(packet)
        state = np.zeros(STATE_SIZE, np.int64)
        state[LAST_TIME] = BEFORE_ALL_TIME
        width, height = self.stream.size("sizeX"), self.stream.size("sizeY")
        _, _, count = take_events(packet, 0, 0, words, state, width, height)
        self.damaged += int(state[OUTSIDE] + state[POLARITY] > 0)
        records = words[:count].reshape(-1).view(EVENT_DTYPE)
        return [Events(records, width, height, ordered=not state[STEPS_BACK])] if count else []

    def _has(self, count: int, timeout_s: float) -> bool:
        """Wait until `count` bytes have come; what has come stays for the next time."""
        self._socket.settimeout(timeout_s)
        while self._end - self._begin < count:
            if self._end == len(self._buffer):
                self._make_room()
            try:
                came = self._socket.recv_into(memoryview(self._buffer)[self._end :])
            except TimeoutError:
                return False
            except OSError as error:
                raise ClosedError(str(error)) from None
            if not came:
                raise ClosedError("the server closed the connection")
            self._end += came
        return True

    def _make_room(self) -> None:
        """Move what is not used yet to the front; the buffer grows with what has come, not with what a size claims."""
        kept = self._buffer[self._begin : self._end]
        if len(kept) > len(self._buffer) // 2:
            self._buffer = bytearray(2 * len(self._buffer))
        self._buffer[: len(kept)] = kept
        self._begin, self._end = 0, len(kept)


def _connected(address: tuple[str, int] | str, name: str, tls: ssl.SSLContext | None) -> socket.socket:
    try:
        if isinstance(address, str):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(_HEADER_TIMEOUT_S)
            connection.connect(address)
        else:
            connection = socket.create_connection(address, _HEADER_TIMEOUT_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection if tls is None else tls.wrap_socket(connection)
    except OSError as error:
        raise LinkError(f"{name}: nobody to connect to: {error.strerror or error}") from None


class Server:
    """Sends one stream to whoever connects; who is slow misses packets, and nobody waits.

    Args:
        address: (host, port), or the path of a UNIX socket to make.
        kind: name of the message type that is sent: Events, Frame, Imu, Triggers.
        width: sensor width, px.
        height: sensor height, px.
        compression: of packets: none, lz4, lz4_high, zstd, zstd_high.
        source: name of the camera.
        tls: for encrypted connections.
        waiting_bytes: how much may wait for one client.

    Attributes:
        port: where it listens.
        dropped: packets that clients missed.
        clients: how many are connected.
    """

    def __init__(
        self,
        address: tuple[str, int] | str,
        *,
        kind: str,
        width: int,
        height: int,
        compression: str = "none",
        source: str = "eventflow",
        tls: ssl.SSLContext | None = None,
        waiting_bytes: int = 64_000_000,
    ) -> None:
        if compression not in COMPRESSIONS:
            raise LinkError(f"compression {compression!r} is unknown; choose {', '.join(COMPRESSIONS)}")
        identifier, name = _KINDS.get(kind, ("TRIG", "triggers"))
        stream = written_stream(0, identifier, name, sizeX=width, sizeY=height, source=source)
        self._header = write_header(compression, [stream])[len(VERSION_LINE) :]
        self._pack = packer(compression)
        self._tls, self._most = tls, waiting_bytes
        self.dropped = self.clients = 0
        self._outgoing: deque[bytes] = deque()
        self._closing = False
        self._listener = _listening(address)
        self._path = address if isinstance(address, str) else None
        self.port = 0 if self._path else int(self._listener.getsockname()[1])
        self._awake, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="dv server", daemon=True)
        self._thread.start()

    def send(self, message: Any) -> None:
        """Hand a message to the serving thread."""
        payload = self._pack(_payload(message))
        self._outgoing.append(_HEAD.pack(0, len(payload)) + bytes(payload))
        with contextlib.suppress(BlockingIOError):
            self._wake.send(b".")

    def close(self) -> None:
        """Send what waits, as far as clients take it at once, and end all connections."""
        self._closing = True
        self._wake.send(b".")
        self._thread.join()
        for each in (self._listener, self._awake, self._wake):
            each.close()
        if self._path is not None:
            from pathlib import Path

            Path(self._path).unlink(missing_ok=True)

    def _serve(self) -> None:
        self._wake.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._awake, selectors.EVENT_READ)
            clients: dict[socket.socket, deque[memoryview]] = {}
            while not (self._closing and not self._outgoing and not any(clients.values())):
                for key, events in selector.select(0.5):
                    if key.fileobj is self._listener:
                        self._accept(selector, clients)
                    elif key.fileobj is self._awake:
                        self._awake.recv(1 << 16)
                    elif not self._push(key.fileobj, clients, events):
                        self._leave(key.fileobj, selector, clients)
                while self._outgoing:
                    packet = memoryview(self._outgoing.popleft())
                    for queue in clients.values():
                        self._queue(queue, packet)
                for client, queue in clients.items():
                    wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if queue else 0)
                    selector.modify(client, wanted)
            if clients:
                time.sleep(_FAREWELL_S)  # a reader that finds the connection closed gives up what it has not read yet
            for client in clients:
                client.close()

    def _queue(self, queue: deque[memoryview], packet: memoryview) -> None:
        if len(queue) > 1 and sum(map(len, queue)) + len(packet) > self._most:
            self.dropped += 1  # the newest: the first of the queue may be half sent
            return
        queue.append(packet)

    def _accept(self, selector: Any, clients: dict[Any, Any]) -> None:
        try:
            client, _ = self._listener.accept()
            if self._tls is not None:
                client.settimeout(_HEADER_TIMEOUT_S)
                client = self._tls.wrap_socket(client, server_side=True)
            client.setblocking(False)
        except OSError:
            return
        clients[client] = deque([memoryview(self._header)])
        self.clients = len(clients)
        selector.register(client, selectors.EVENT_READ | selectors.EVENT_WRITE)

    @staticmethod
    def _push(client: Any, clients: dict[Any, deque[memoryview]], events: int) -> bool:
        """Send what a client takes; return whether it is still there."""
        queue = clients[client]
        try:
            if events & selectors.EVENT_READ and not client.recv(1 << 12):
                return False
            while events & selectors.EVENT_WRITE and queue:
                sent = client.send(queue[0])
                if sent < len(queue[0]):
                    queue[0] = queue[0][sent:]
                    break
                queue.popleft()
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except OSError:
            return False
        return True

    def _leave(self, client: Any, selector: Any, clients: dict[Any, Any]) -> None:
        selector.unregister(client)
        client.close()
        del clients[client]
        self.clients = len(clients)


def _payload(message: Any) -> bytes:
    if isinstance(message, Events):
        return events_prefix(len(message)) + message.records.tobytes()
    if isinstance(message, Frame):
        return frame_bytes(message)
    return imu_bytes([message]) if isinstance(message, Imu) else triggers_bytes([message])


def _listening(address: tuple[str, int] | str) -> socket.socket:
    try:
        if isinstance(address, str):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(address)
            listener.listen()
            return listener
        return socket.create_server(address)
    except OSError as error:
        raise LinkError(f"{address}: cannot listen there: {error.strerror or error}") from None
