"""The floor of a hop's idle latency: two processes that do nothing but send and receive with bare pyzmq.

`python -m eventflow.bench.bare_hop ADDRESS COUNT` is the receiver; it prints its median and 99th percentile, µs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from typing import Final

import numpy as np
import zmq

_PAUSE_S: Final = 0.002
_HEADER_BYTES: Final = 100  # as large as the header of a data message
_SETTLING: Final = 20


def bare_latency_us(count: int = 500) -> tuple[float, float]:
    """Return the p50 and p99 of the time from before a send to after the receive, µs, a message every 2 ms."""
    with tempfile.TemporaryDirectory(prefix="hop-") as folder, zmq.Context() as context:
        address = f"ipc://{folder}/s"
        command = [sys.executable, "-m", "eventflow.bench.bare_hop", address, str(count)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as receiver, context.socket(zmq.PUSH) as out:
            out.connect(address)
            time.sleep(1.0)  # until both ends have settled
            for _ in range(count):
                time.sleep(_PAUSE_S)
                out.send(np.int64(time.monotonic_ns()).tobytes().ljust(_HEADER_BYTES), zmq.SNDMORE)
                out.send(bytes(16))
            text, _ = receiver.communicate(timeout=30)
    p50, p99 = map(float, text.split())
    return p50, p99


def _receive(address: str, count: int) -> None:
    ages = []
    with zmq.Context() as context, context.socket(zmq.PULL) as inbox:
        inbox.bind(address)
        for _ in range(count):
            head, _ = inbox.recv_multipart()
            ages.append(time.monotonic_ns() - int(np.frombuffer(head, np.int64, 1)[0]))
    print(*(np.percentile(ages[_SETTLING:], (50, 99)) / 1e3))


if __name__ == "__main__":
    _receive(sys.argv[1], int(sys.argv[2]))
