"""Events as UDP datagrams."""

from __future__ import annotations

import socket
from typing import Annotated, Literal

import numpy as np

from eventflow.errors import LinkError
from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels.words import words_of
from eventflow.messages import StreamInfo
from eventflow.net import datagrams, many
from eventflow_nodes.network.address import host_and_port

_ROWS = 256


class UdpSend(Node):
    """Send events as UDP datagrams, as faery, AEStream and EventCV receive them.

    UDP says nothing of what got lost on the way. Events that are unordered are sent as they are.

    Args:
        address: HOST:PORT to send to.
        layout: of an event, as in the node `udp`; spif_untimed leaves the times out, as SpiNNaker boards and AEStream's
            receiver in Python want it.
        events_per_datagram: faery sends 100; a datagram of more than about 1400 bytes is cut up on most networks.
    """

    rehearses = False
    address: str
    layout: Literal["t64_x16_y16_on8", "t32_x16_y15_on1", "spif", "spif_untimed"] = "t64_x16_y16_on8"
    events_per_datagram: Annotated[int, Range(1, 5000)] = 100

    def start(self, events: StreamInfo) -> None:
        """Name the receiver to the system."""
        host, port = host_and_port(self.address)
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.connect(address)
        except OSError as error:
            raise LinkError(f"{self.address}: cannot send there: {error.strerror or error}") from None
        self._slab = many.Slab(_ROWS, self.events_per_datagram * datagrams.LARGEST_EVENT)
        self.results["datagrams"] = 0

    def events(self, events: Events) -> None:
        """Send a packet; its last datagram may be shorter."""
        if self.layout == "t64_x16_y16_on8" and len(events) and int(events.t.min()) < 0:
            raise LinkError(
                f"{self.address}: an event at t={int(events.t.min())} µs, but layout {self.layout} has no times "
                "before 0; shift the recording (origin: zero), or choose another layout"
            )
        words = words_of(events)
        step = self.events_per_datagram * 2
        at = 0
        while at < len(words):
            lengths = []
            for row in self._slab.data:
                if at >= len(words):
                    break
                lengths.append(datagrams.encode(self.layout, words[at : at + step], row))
                at += step
            try:
                self._slab.send(self._socket, np.array(lengths, np.int64))
            except OSError as error:
                raise LinkError(f"{self.address}: sending failed: {error.strerror or error}") from None
            self.results["datagrams"] += len(lengths)

    def close(self, *, complete: bool) -> None:
        """Close the socket."""
        if hasattr(self, "_socket"):
            self._socket.close()
        super().close(complete=complete)
