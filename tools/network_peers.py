"""Events over real sockets to and from other programs: `python tools/network_peers.py [OUT.txt]` prints a table.

Each row sends one scene one way: our side is `eventflow run` in a process of its own, the peer another process with the
real package, killed when it does not end. Packages that are not installed are rows that say so.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

import eventflow as ef

SIZE = (346, 260)
EVENTS = 20_000
PATIENCE_S = 60.0

_DV = """
import os, sys, time
import dv_processing as dv, numpy as np
arguments = sys.argv[1:]
path, where, kind, folder = arguments[:4]
tls = [f"{folder}/{name}.pem" for name in ("chain", "key", "authority")] if kind == "tls" else []
host, _, port = where.rpartition(":")
"""
_SCRIPTS = {
    "dv writes": _DV
    + """
packed = np.load(path)
stream = dv.io.Stream.EventStream(0, "events", "peer", (346, 260))
stream.setCompression(dv.CompressionType.__members__[arguments[4]])
writer = dv.io.NetworkWriter(where, stream) if kind == "unix" else dv.io.NetworkWriter(host, int(port), stream, *tls)
print("ready", flush=True)
while not writer.getClientCount():
    time.sleep(0.01)
columns = [packed[name].tolist() for name in "txyp"]
for start in range(0, len(columns[0]), 2000):
    store = dv.EventStore()
    for t, x, y, p in zip(*(column[start : start + 2000] for column in columns)):
        store.push_back(t, x, y, bool(p))
    writer.writeEvents(store)
while writer.getQueuedPacketCount():
    time.sleep(0.01)
time.sleep(1.0)
os._exit(0)  # the writer's destructor does not end while somebody is connected
""",
    "dv reads": _DV
    + """
reader, wanted, parts = None, int(arguments[4]), []
while reader is None:
    try:
        reader = dv.io.NetworkReader(where) if kind == "unix" else dv.io.NetworkReader(host, int(port), *tls[:2])
    except Exception:
        time.sleep(0.05)
while sum(map(len, parts)) < wanted:
    batch = reader.getNextEventBatch()
    if batch is not None and batch.size():
        parts.append(batch.numpy().copy())
found = np.concatenate(parts)
np.savez(path, t=found["timestamp"], x=found["x"], y=found["y"], p=found["polarity"])
os._exit(0)
""",
    "faery writes": """
import sys, faery, numpy as np
packed = np.load(sys.argv[1]); port, layout = int(sys.argv[2]), sys.argv[3]
events = np.zeros(len(packed["t"]), [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), (("p", "on"), "?")])
for name in "txyp":
    events[name] = packed[name]
faery.events_stream_from_array(events, (346, 260)).to_udp(("127.0.0.1", port), format=layout)
""",
    "faery reads": """
import os, sys, faery, numpy as np
path, port, layout, wanted, parts = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), []
for packet in faery.events_stream_from_udp((346, 260), ("127.0.0.1", port), format=layout):
    parts.append(packet.copy())
    if sum(map(len, parts)) >= wanted:
        break
found = np.concatenate(parts)
np.savez(path, **{name: found[name] for name in "txyp"})
os._exit(0)
""",
    "eventcv writes": """
import sys, eventcv, numpy as np
packed = np.load(sys.argv[1])
columns = np.stack([packed[name].astype(np.int64) for name in "xytp"], axis=1)
stream = eventcv.from_numpy(columns, time_unit="us", sensor_size=(346, 260))
eventcv.UdpSender(f"127.0.0.1:{sys.argv[2]}", timestamps=True).send(stream)
""",
    "eventcv reads": """
import os, sys, eventcv, numpy as np
path, port, wanted, parts = sys.argv[1], int(sys.argv[2]), int(sys.argv[4]), []
receiver = eventcv.UdpReceiver(f"127.0.0.1:{port}", (346, 260), timestamps=True)
while sum(map(len, parts)) < wanted:
    parts.append(np.asarray(receiver.recv(50).numpy()).reshape(-1, 4))
found = np.concatenate(parts).astype(np.int64)
np.savez(path, **{name: found[:, column] for column, name in enumerate("xytp")})
os._exit(0)
""",
    "aestream writes": """
import subprocess, sys
options = ["--packet-size", "128", "--include-timestamp", "true"]
program = sys.executable.rpartition("/")[0] + "/aestream"
command = [program, "input", "file", sys.argv[3], "output", "udp", "127.0.0.1", sys.argv[2], *options]
subprocess.run(command, stdout=subprocess.DEVNULL, timeout=50)
""",
    "aestream reads": """
import os, sys, time, aestream, numpy as np
path, port, wanted = sys.argv[1], int(sys.argv[2]), int(sys.argv[4])
pixels, source = np.zeros((346, 260)), aestream.UDPInput((346, 260), "cpu", port)
with source as stream:
    while pixels.sum() < wanted:
        pixels += np.asarray(stream.read())
        time.sleep(0.01)
    np.savez(path, pixels=pixels)
    os._exit(0)
""",
}


@dataclass
class Row:
    """One way of one peer.

    Attributes:
        peer: its package.
        to_us: whether the peer sends.
        node: ours.
        kind: tcp, unix, tls or udp.
        option: compression or layout.
    """

    peer: str
    to_us: bool
    node: str
    kind: str
    option: str


def rows() -> list[Row]:
    """Return everything that is tried."""
    found = []
    for to_us, node in ((True, "dv_network"), (False, "dv_serve")):
        compressions = ("NONE", "LZ4", "LZ4_HIGH", "ZSTD", "ZSTD_HIGH")
        found += [Row("dv-processing", to_us, node, "tcp", each) for each in compressions]
        found += [Row("dv-processing", to_us, node, "unix", "LZ4"), Row("dv-processing", to_us, node, "tls", "LZ4")]
    for to_us, node in ((True, "udp"), (False, "udp_send")):
        found += [Row("faery", to_us, node, "udp", each) for each in ("t64_x16_y16_on8", "t32_x16_y15_on1")]
        # AEStream's receiver in Python takes words without a time alone
        found.append(Row("eventcv", to_us, node, "udp", "spif"))
        found.append(Row("aestream", to_us, node, "udp", "spif" if to_us else "spif_untimed"))
    return found


def free_port(kind: int) -> int:
    """Return a port that nobody uses now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def keys(folder: Path) -> None:
    """Make certificates that sign themselves, for both sides."""
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "chain.pem"]
    subprocess.run([*command, *subject], cwd=folder, check=True, capture_output=True)
    (folder / "authority.pem").write_bytes((folder / "chain.pem").read_bytes())


def graph_of(row: Row, folder: Path, where: str, port: int) -> dict[str, Any]:
    """Return our side as a graph."""
    tls = {"certificate": str(folder / "chain.pem"), "key": str(folder / "key.pem")} if row.kind == "tls" else {}
    if row.node == "dv_network":
        node: dict[str, Any] = {"use": row.node, "address": where, "patience": "4s", **tls}
    elif row.node == "dv_serve":
        compression = row.option.lower()
        node = {"use": row.node, "address": where, "clients": 1, "compression": compression, **tls}
    else:
        node = {"use": row.node, "address": f"127.0.0.1:{port}", "layout": row.option}
        node |= {"width": SIZE[0], "height": SIZE[1], "silence": "1s"} if row.to_us else {"packet_events": 100}
    if row.to_us:
        nodes = {"peer": node, "file": {"use": "write", "path": str(folder / "got.npz")}}
        return {"nodes": nodes, "flow": ["peer.events -> file" if row.node == "dv_network" else "peer -> file"]}
    if row.node == "udp_send":
        node.pop("packet_events")
    nodes = {"file": {"use": "read", "path": str(folder / "sent.npz"), "packet_events": 200}, "peer": node}
    return {"nodes": nodes, "flow": ["file -> peer"]}


def listens(port: int) -> bool:
    """Return whether somebody has a UDP port."""
    return any(f":{port:04X} " in Path(f"/proc/net/{name}").read_text() for name in ("udp", "udp6"))


def tried(row: Row) -> tuple[int, str, str]:
    """Run a row; return events sent, received, and whether they are equal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = ef.synth.render("crossing", seed=5)[:EVENTS]
        events = ef.Events(scene.records, *SIZE, ordered=True)
        ef.write(events, folder / "sent.npz")
        if row.peer == "aestream":
            ef.write(events, folder / "sent.aedat4")
        if row.kind == "tls":
            keys(folder)
        port = free_port(socket.SOCK_DGRAM if row.kind == "udp" else socket.SOCK_STREAM)
        where = str(folder / "socket") if row.kind == "unix" else f"127.0.0.1:{port}"
        graph = {"eventflow": 1, "name": "peers", **graph_of(row, folder, where, port)}
        (folder / "graph.yaml").write_text(json.dumps(graph))
        ours = [sys.executable, "-m", "eventflow", "run", str(folder / "graph.yaml")]
        if row.node == "udp_send":
            ours += ["--speed", "0.05"]  # no datagram is to be lost to a slow receiver's buffer
        verb = "writes" if row.to_us else "reads"
        file = folder / ("sent.npz" if row.to_us else "read.npz")
        given = [str(file), where, row.kind, name, row.option if row.to_us else str(EVENTS)]
        if row.kind == "udp":
            extra = str(folder / "sent.aedat4") if row.peer == "aestream" and row.to_us else row.option
            given = [str(file), str(port), extra, str(EVENTS)]
        peer = [sys.executable, "-c", _SCRIPTS[f"{row.peer.partition('-')[0]} {verb}"], *given]
        error = _both(row, ours, peer, port)
        result = folder / "got.npz" if row.to_us else folder / "read.npz"
        return EVENTS, *_compared(result, events, error)


def _both(row: Row, ours: list[str], peer: list[str], port: int) -> str:
    first, second = (
        (ours, peer) if (row.to_us and row.kind == "udp") or not (row.to_us or row.kind == "udp") else (peer, ours)
    )
    one = subprocess.Popen(first, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 20
    while row.kind == "udp" and not listens(port) and one.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.3)
    two = subprocess.Popen(second, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    errors, processes = [], (two, one)
    for process in processes:
        try:
            _, error = process.communicate(timeout=PATIENCE_S / 2)
            errors += [error.strip().splitlines()[-1]] if process.returncode and error.strip() else []
        except subprocess.TimeoutExpired:
            process.terminate() if process.args is ours else process.kill()
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
            errors.append("did not end")
    return "; ".join(errors)


def _compared(path: Path, events: ef.Events, error: str) -> tuple[str, str]:
    if not path.exists():
        return "-", f"no ({error})"
    with np.load(path) as found:
        if "pixels" in found.files:
            sent = np.zeros(SIZE)
            np.add.at(sent, (events.x, events.y), 1)
            same = np.array_equal(found["pixels"], sent)
            return str(int(found["pixels"].sum())), "yes, per pixel (the peer gives frames)" if same else "no"
        mine = {name: np.asarray(getattr(events, name)).astype(np.int64) for name in "txyp"}
        same = all(np.array_equal(found[name].astype(np.int64), mine[name]) for name in "txyp")
        return str(len(found["t"])), "yes" if same else f"no ({error})" if error else "no"


def version_of(package: str) -> str:
    """Return a package's version, or "" where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def main() -> int:
    """Print the table, and write it where the first argument says."""
    lines = [f"{'source or sink':15}{'peer':22}{'way':8}{'over':6}{'option':18}{'sent':>7}{'received':>9}  equal"]
    failed = 0
    for row in rows():
        have = version_of(row.peer)
        sent, received, equal = tried(row) if have else (0, "-", "not installed")
        failed += bool(have) and not equal.startswith("yes")
        way = "to us" if row.to_us else "from us"
        named = f"{row.peer} {have}"
        lines.append(f"{row.node:15}{named:22}{way:8}{row.kind:6}{row.option:18}{sent:7}{received:>9}  {equal}")
        print(lines[-1] if len(lines) > 2 else "\n".join(lines), flush=True)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text("\n".join(lines) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
