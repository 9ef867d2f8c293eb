"""What the network sources take: UDP datagrams beside faery's receiver, dv-processing's stream beside its own reader.

Senders are no Python: a small C program for UDP, dv-processing's own writer for its format. Receivers run in processes
of their own, ours as a graph.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from eventflow.bench import peers
from eventflow.bench.model import AtLeast, Reading, Row, judged
from eventflow.bench.plugin import run_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventflow.bench.suite import Bench

_WIDTH: Final = 640
_HEIGHT: Final = 480
_LAYOUT: Final = "t64_x16_y16_on8"
_DATAGRAM_EVENTS: Final = 100
_SILENCE_S: Final = 1.0
_SETTLING_S: Final = 1.5
_STEP: Final = 1.25
_TRIES: Final = 2
_LEAST_MEV: Final = 0.1
_LARGEST_MEV: Final = 200.0
_AS_ASKED: Final = 0.98  # of the rate asked for is sent, or the sender is at its end
_DV_EVENTS: Final = 20_000_000
_ROUNDS: Final = 3


def rows(bench: Bench) -> Iterator[Row]:
    """Yield UDP and dv-processing."""
    if bench.wants("live.udp"):
        yield _udp(bench)
    if bench.wants("live.dv"):
        yield _dv(bench)


def _udp(bench: Bench) -> Row:
    name = "live.udp"
    what = f"UDP, {_DATAGRAM_EVENTS} events a datagram, nothing lost over {bench.seconds:g} s"
    compiler = shutil.which("cc")
    if compiler is None:
        return bench.unmeasured(name, what, "the sender is a C program, and there is no C compiler cc")
    with TemporaryDirectory() as folder:
        flood = Path(folder, "udp_flood")
        source = Path(__file__).with_name("udp_flood.c")
        subprocess.run([compiler, "-O2", "-o", str(flood), str(source)], check=True)
        notes: list[str] = []
        ours = _highest(bench, flood, lambda port: _our_udp(port, notes), 4.0)
        row = Row(name, what, "Mev/s", Reading(ours, ours), note="; ".join(dict.fromkeys(notes)))
        if bench.peers and peers.load("faery") is not None:
            theirs = _highest(bench, flood, _faery_udp, 1.0)
            row.others["faery"] = Reading(theirs, theirs, ours / theirs if theirs else None)
            row.verdicts = judged([AtLeast(5, "faery")], row.others)
    return row


def _highest(bench: Bench, flood: Path, receive: Callable[[int], int], begin_mev: float) -> float:
    """Return the highest rate, Mev/s, at which every event arrives: in large steps until one fails, then in small."""
    best, step, rate = 0.0, _STEP**2, begin_mev
    while _LEAST_MEV < rate < _LARGEST_MEV:
        bench.announce(f"UDP at {rate:.1f} Mev/s")
        reached = max(_trial(flood, receive, rate, bench.seconds) for _ in range(_TRIES))
        best = max(best, reached)
        if reached > _AS_ASKED * rate:
            rate *= step
        elif best == 0.0:
            rate, step = rate / 2, _STEP
        elif step == _STEP:
            break
        else:
            rate, step = best * _STEP, _STEP
    return best


def _trial(flood: Path, receive: Callable[[int], int], mev: float, seconds: float) -> float:
    """Return the rate that was sent, Mev/s; 0 where not every event arrived."""
    port = _free_port()
    with ThreadPoolExecutor(1) as pool:
        receiving = pool.submit(receive, port)
        while not receiving.done() and f":{port:04X} " not in Path("/proc/net/udp").read_text():
            time.sleep(0.05)
        time.sleep(_SETTLING_S)
        words = [str(flood), str(port), str(mev * 1e6), str(seconds), str(_DATAGRAM_EVENTS)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        datagrams, took_s = done.stdout.split()
        sent = int(datagrams) * _DATAGRAM_EVENTS
        return sent / float(took_s) / 1e6 if receiving.result() == sent else 0.0


def _our_udp(port: int, notes: list[str]) -> int:
    camera = {
        "use": "udp",
        "address": f"127.0.0.1:{port}",
        "layout": _LAYOUT,
        "width": _WIDTH,
        "height": _HEIGHT,
        "silence": f"{_SILENCE_S}s",
    }
    summary = run_apart({"nodes": {"camera": camera, "end": {"use": "null"}}, "flow": ["camera -> end"]}, None)
    granted = summary["results"]["camera"]["receive_buffer_bytes"]
    notes.append(f"eventflow: udp → null, SO_RCVBUF {granted / 1e6:.3g} MB as granted; faery's is the system's default")
    return int(summary["events"])


_FAERY: Final = """
import os, sys, threading, time
import faery

size, port, silence = (640, 480), int(sys.argv[1]), float(sys.argv[2])
found, heard = 0, None

def watch():
    while heard is None or time.monotonic() - heard < silence:
        time.sleep(0.05)
    print(found, flush=True)
    os._exit(0)

threading.Thread(target=watch, daemon=True).start()
for packet in faery.events_stream_from_udp(size, ("127.0.0.1", port), format=sys.argv[3]):
    found += len(packet)
    heard = time.monotonic()
"""


def _faery_udp(port: int) -> int:
    command = [sys.executable, "-c", _FAERY, str(port), str(_SILENCE_S), _LAYOUT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return int(done.stdout)


_DV_WRITER: Final = """
import os, sys, time
import dv_processing as dv
import numpy as np

port, count, size = int(sys.argv[1]), int(sys.argv[2]), 10_000
writer = dv.io.NetworkWriter("127.0.0.1", port, dv.io.Stream.EventStream(0, "events", "bench", (640, 480)))
store = dv.EventStore()
rng = np.random.default_rng(0)
for i in range(size):
    store.push_back(i, int(rng.integers(640)), int(rng.integers(480)), bool(i & 1))
print("ready", flush=True)
while writer.getClientCount() == 0:
    time.sleep(0.01)
for _ in range(count // size):
    while writer.getQueuedPacketCount() > 100:
        time.sleep(0.0002)
    writer.writeEvents(store)
time.sleep(60)
"""
_DV_READER: Final = """
import os, sys, time
import dv_processing as dv

reader, found, begun = dv.io.NetworkReader("127.0.0.1", int(sys.argv[1])), 0, None
while found < int(sys.argv[2]):
    batch = reader.getNextEventBatch()
    if batch is None:
        continue
    if begun is None:
        begun = time.perf_counter()
        continue
    found += batch.size()
print(found / (time.perf_counter() - begun) / 1e6, flush=True)
os._exit(0)
"""
_OUR_DV_READER: Final = """
import os, sys, time
from eventflow_nodes.network.dv_network import DvNetwork

node, found, begun = DvNetwork(address="127.0.0.1:" + sys.argv[1]), 0, None
node.start()
for message in node.run():
    events = getattr(message, "events", None)
    if events is None:
        continue
    if begun is None:
        begun = time.perf_counter()
        continue
    found += len(events)
    if found >= int(sys.argv[2]):
        break
print(found / (time.perf_counter() - begun) / 1e6, flush=True)
os._exit(0)
"""


def _dv(bench: Bench) -> Row:
    name, what = "live.dv", "dv-processing's NetworkWriter over TCP, packets of 10 000 events, uncompressed"
    if peers.load("dv-processing") is None:
        return bench.unmeasured(name, what, f"the sender is dv-processing's: {peers.install_command('dv-processing')}")
    bench.announce(what)
    ours, theirs = [], []
    for _ in range(_ROUNDS):  # in turns, for the machine does other things too
        ours.append(_dv_trial(_OUR_DV_READER))
        theirs.append(_dv_trial(_DV_READER))
    ratio = sorted(a / b for a, b in zip(ours, theirs, strict=True))[_ROUNDS // 2]
    row = Row(name, what, "Mev/s", Reading(max(ours), sorted(ours)[_ROUNDS // 2]))
    row.others["dv-processing"] = Reading(max(theirs), sorted(theirs)[_ROUNDS // 2], ratio)
    row.verdicts = judged([AtLeast(1, "dv-processing")], row.others)
    row.note = "both readers from Python, in processes of their own; events as our records and as dv's store"
    return row


def _dv_trial(reader: str) -> float:
    """Return the rate, Mev/s, at which a reader takes what a writer sends; both have processes of their own."""
    port = _free_port()
    # dv-processing waits in C++ with Python's lock held: only the end of its process ends it
    with subprocess.Popen(
        [sys.executable, "-c", _DV_WRITER, str(port), str(_DV_EVENTS + 1_000_000)], stdout=subprocess.PIPE, text=True
    ) as writer:
        try:
            assert writer.stdout is not None
            writer.stdout.readline()
            words = [sys.executable, "-c", reader, str(port), str(_DV_EVENTS)]
            done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
        finally:
            writer.kill()
    return float(done.stdout)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
