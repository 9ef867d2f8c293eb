"""Events in datagrams, out and in again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings

from eventflow import Events, StreamInfo
from eventflow.errors import LinkError
from eventflow.events import EVENT_DTYPE
from eventflow.net import datagrams
from eventflow.testing import events
from eventflow_nodes.network.udp_send import UdpSend

_ARRIVAL_US = 123_456


@pytest.mark.parametrize("layout", [*datagrams.LAYOUTS, datagrams.UNTIMED])
@settings(max_examples=30, deadline=None)
@given(packet=events())
def test_what_is_encoded_is_decoded(layout, packet):
    assume(layout != "t64_x16_y16_on8" or not (packet.t < 0).any())  # its times are unsigned; udp_send refuses them
    words = packet.records.view(np.int64).copy()
    words.flags.writeable = False
    slab = np.zeros((1, max(len(packet), 1) * datagrams.LARGEST_EVENT), np.uint8)
    size = datagrams.encode(layout, words, slab[0])
    assert size == len(packet) * {"t64_x16_y16_on8": 13, datagrams.UNTIMED: 4}.get(layout, 8)
    out, state = np.zeros(2 * max(len(packet), 1), np.int64), datagrams.new_state()
    read_as = "spif" if layout == datagrams.UNTIMED else layout
    sensor = packet.width, packet.height
    made = datagrams.decode(read_as, slab, np.array([size]), _ARRIVAL_US, out, state, sensor)
    assert made == len(packet)
    assert np.array_equal(out[1 : 2 * made : 2], words[1::2])
    if layout == datagrams.UNTIMED:
        assert (out[0 : 2 * made : 2] == _ARRIVAL_US).all()
    else:
        turn = 1 << (62 if layout == "t64_x16_y16_on8" else 32)
        assert np.array_equal(out[0 : 2 * made : 2] % turn, words[0::2] % turn)


def test_times_that_a_layout_cannot_say_are_refused():
    early = np.zeros(1, EVENT_DTYPE)
    early["t"] = -5
    node = UdpSend(address="127.0.0.1:9", layout="t64_x16_y16_on8")
    node.start(StreamInfo(4, 4))
    with pytest.raises(LinkError, match=r"t=-5 µs, but layout t64_x16_y16_on8 has no times before 0"):
        node.events(Events(early, 4, 4))
    node.close(complete=False)
