"""SpikeSlicer: the network against torch's own modules, the first spike cuts, loaded weights."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from eventflow.errors import ParameterError
from eventflow.events import Events

torch = pytest.importorskip("torch")
from eventflow.snn.spike_slicer import SlicerNetwork, SpikeSlicer  # noqa: E402 - after torch is known to be there


class Reference(torch.nn.Module):
    """The published network in torch's modules."""

    def __init__(self):
        super().__init__()
        nn = torch.nn
        self.conv = nn.ModuleList(nn.Conv2d(a, b, 3, 1, 1) for a, b in [(2, 16), (16, 32), (32, 64)])
        self.norm = nn.ModuleList(nn.GroupNorm(each, each) for each in (16, 32, 64))
        self.pool = nn.ModuleList([nn.AvgPool2d(2), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(4)])
        self.full = nn.ModuleList([nn.Linear(1024, 512), nn.Linear(512, 1)])
        self.v = [0.0] * 5

    def fire(self, k, x):
        v = self.v[k] + x
        spikes = (v >= 1).float()
        self.v[k] = torch.where(spikes > 0, torch.zeros_like(v), v)
        return spikes

    def forward(self, x):
        for k in range(3):
            x = self.pool[k](self.fire(k, self.norm[k](self.conv[k](x))))
        x = self.fire(3, self.full[0](x.flatten(1)))
        return self.fire(4, self.full[1](x))


def stream(seed=1, count=6000):
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, 400_000, count))
    rows = np.stack([t, rng.integers(0, 24, count), rng.integers(0, 18, count), rng.integers(0, 2, count)], axis=1)
    return Events.from_numpy(rows, columns="txyp", width=24, height=18)


def test_the_network_is_the_published_one_step_by_step():
    network, reference = SlicerNetwork(seed=3), Reference()
    weights = {name: torch.tensor(value) for name, value in network.parameters().items()}
    reference.load_state_dict({name[:4] + "." + name[4:]: value for name, value in weights.items()})
    rng = np.random.default_rng(0)
    fired = []
    with torch.no_grad():
        for _ in range(25):
            cell = rng.poisson(0.3, (2, 18, 24)).astype(np.float32)
            expected = bool(reference(torch.tensor(cell)[None]).item())
            assert network.step(cell) == expected
            fired.append(expected)
            for own, theirs in zip(network.potentials, reference.v, strict=True):
                np.testing.assert_allclose(own, theirs.numpy(), atol=1e-6)
    assert any(fired)


def test_slices_part_the_stream_at_first_spikes():
    events = stream()
    slices = SpikeSlicer(SlicerNetwork(seed=3), cell_us=5000, most=20)
    found = slices.push(events) + slices.finish(400_000)
    assert sum(map(len, found)) == len(events)
    assert [each.index for each in found] == list(range(len(found)))
    assert all(a.t1 == b.t0 for a, b in pairwise(found))
    lengths = {(each.t1 - each.t0) // 5000 for each in found[:-1]}
    assert lengths <= set(range(1, 21))
    assert len(lengths) > 1
    network = SlicerNetwork(seed=3)
    for each in found[:-1]:
        network.forget()
        cells = [_cell(events, t) for t in range(each.t0, each.t1, 5000)]
        fired = [network.step(cell) for cell in cells]
        assert not any(fired[:-1])
        assert fired[-1] or len(fired) == 20


def _cell(events, t):
    part = events.between(t, t + 5000)
    cell = np.zeros((2, 18, 24), np.float32)
    np.add.at(cell, (part.p.astype(int), part.y, part.x), 1)
    return cell


def test_a_network_that_never_fires_cuts_after_the_most_cells(tmp_path):
    weights = {name: torch.tensor(value) for name, value in SlicerNetwork().parameters().items()}
    weights["full1.bias"] = torch.full((1,), -100.0)
    torch.save(weights, tmp_path / "never.pth")
    slices = SpikeSlicer(SlicerNetwork(tmp_path / "never.pth"), cell_us=5000, most=7)
    found = slices.push(stream()) + slices.finish(400_000)
    assert {each.t1 - each.t0 for each in found[:-1]} == {35_000}


def test_bad_weights_are_named(tmp_path):
    with pytest.raises(ParameterError, match="no such file"):
        SlicerNetwork(tmp_path / "absent.pth")
    weights = {name: torch.tensor(value) for name, value in SlicerNetwork().parameters().items()}
    for change, message in [
        ({"conv0.weight": torch.zeros(1)}, r"conv0\.weight has shape \(1,\), expected \(16, 2, 3, 3\)"),
        ({"conv0.bias": torch.full((16,), float("nan"))}, r"conv0\.bias holds values that are not finite"),
    ]:
        torch.save(weights | change, tmp_path / "bad.pth")
        with pytest.raises(ParameterError, match=message):
            SlicerNetwork(tmp_path / "bad.pth")
