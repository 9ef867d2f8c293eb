"""Many datagrams with one system call: recvmmsg and sendmmsg of Linux, and a loop of single calls elsewhere."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import select
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SO_RCVBUFFORCE: Final = 33  # asm-generic/socket.h
_TRUNCATION: Final = 0x20  # lengths are of the datagrams, not of what fitted
_IOVEC: Final = np.dtype([("base", "u8"), ("len", "u8")])
_HEADER: Final = np.dtype(  # struct mmsghdr of 64-bit Linux
    [
        ("name", "u8"),
        ("namelen", "u4"),
        ("pad0", "u4"),
        ("iov", "u8"),
        ("iovlen", "u8"),
        ("control", "u8"),
        ("controllen", "u8"),
        ("flags", "i4"),
        ("pad1", "u4"),
        ("received", "u4"),
        ("pad2", "u4"),
    ]
)


def _system_call(name: str) -> Any:
    try:
        function = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (AttributeError, OSError):
        return None
    function.restype = ctypes.c_int
    return function if ctypes.sizeof(ctypes.c_void_p) == 8 else None


_RECVMMSG, _SENDMMSG = _system_call("recvmmsg"), _system_call("sendmmsg")


class Slab:
    """Room for many datagrams, with the descriptions that the system calls want.

    Attributes:
        data: uint8, shape (rows, row_bytes).
    """

    def __init__(self, rows: int, row_bytes: int) -> None:
        self.data: NDArray[np.uint8] = np.zeros((rows, row_bytes), np.uint8)
        self._vectors = np.zeros(rows, _IOVEC)
        self._headers = np.zeros(rows, _HEADER)
        self._vectors["base"] = self.data.ctypes.data + np.arange(rows, dtype=np.uint64) * np.uint64(row_bytes)
        self._vectors["len"] = row_bytes
        self._headers["iov"] = self._vectors.ctypes.data + np.arange(rows, dtype=np.uint64) * np.uint64(16)
        self._headers["iovlen"] = 1

    def receive(self, inbox: socket.socket, timeout_s: float) -> NDArray[np.int64]:
        """Fill rows with what has come, waiting for the first, and return the datagrams' lengths; there may be none.

        A length beyond a row's bytes says that the datagram did not fit.
        """
        if not select.select([inbox], [], [], timeout_s)[0]:
            return np.zeros(0, np.int64)
        if _RECVMMSG is None:
            count = inbox.recv_into(memoryview(self.data[0]))
            return np.array([count], np.int64)
        pointer = self._headers.ctypes.data_as(ctypes.c_void_p)
        flags = socket.MSG_DONTWAIT | _TRUNCATION
        found = _RECVMMSG(inbox.fileno(), pointer, len(self.data), flags, None)
        if found < 0:
            code = ctypes.get_errno()
            if code in (errno.EAGAIN, errno.EINTR):
                return np.zeros(0, np.int64)
            raise OSError(code, os.strerror(code))
        return self._headers["received"][:found].astype(np.int64)

    def send(self, outbox: socket.socket, lengths: NDArray[np.int64]) -> None:
        """Send the first rows as datagrams over a connected socket, waiting where the system's buffer is full."""
        at = 0
        self._vectors["len"][: len(lengths)] = lengths
        while at < len(lengths):
            if _SENDMMSG is None:
                outbox.send(self.data[at, : int(lengths[at])].tobytes())
                at += 1
                continue
            pointer = ctypes.c_void_p(self._headers.ctypes.data + at * _HEADER.itemsize)
            sent = _SENDMMSG(outbox.fileno(), pointer, len(lengths) - at, 0)
            if sent < 0:
                code = ctypes.get_errno()
                if code == errno.ECONNREFUSED:  # nobody listens yet: the word of an earlier datagram
                    continue
                raise OSError(code, os.strerror(code))
            at += sent


def udp_socket(host: str, port: int, buffer_bytes: int) -> socket.socket:
    """Return a bound UDP socket with as large a receive buffer as the system grants, up to `buffer_bytes`."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    inbox = socket.socket(family, socket.SOCK_DGRAM)
    try:
        inbox.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        if sys.platform == "linux":
            with contextlib.suppress(OSError):  # beyond net.core.rmem_max an administrator's process may go
                inbox.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer_bytes)
        inbox.bind(address)
    except OSError:
        inbox.close()
        raise
    return inbox


def dropped_by_kernel(inbox: socket.socket) -> int | None:
    """Return how many datagrams the system threw away for want of buffer, or None where it does not say."""
    inode = str(os.fstat(inbox.fileno()).st_ino)
    name = "udp6" if inbox.family == socket.AF_INET6 else "udp"
    try:
        lines = Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    except OSError:
        return None
    for line in lines:
        fields = line.split()
        if fields[9] == inode:
            return int(fields[-1])
    return None
