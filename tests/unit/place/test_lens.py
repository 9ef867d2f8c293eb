"""Networks that LENS published: read, answered as amplitudes and as spikes."""

import numpy as np
import pytest

from eventflow.errors import ParameterError
from eventflow.place.lens import LensNetwork, raster

torch = pytest.importorskip("torch", reason="needs the extra snn")


def network(inputs=9, places=4):
    rng = np.random.default_rng(2)
    return LensNetwork(*(rng.normal(0, 0.5, shape).astype(np.float32) for shape in ((6, inputs), (places, 6))))


def test_scores_are_those_of_the_layers():
    made = network()
    counts = np.linspace(0, 255, 9).astype(np.float32)
    hidden = torch.relu(torch.from_numpy(made.features) @ torch.from_numpy(counts / 255))
    assert np.allclose(made.scores(counts), (torch.from_numpy(made.outputs) @ hidden).numpy(), atol=1e-5)


@pytest.mark.samples
def test_published_weights_recall_the_traverse(samples):
    from PIL import Image

    folder = samples / "place" / "lens_example"
    made = LensNetwork.load(folder / "example-reference_LENS_IN100_FN200_DB100.pth")
    images = [np.asarray(Image.open(path)) for path in sorted((folder / "davis128" / "example-query").glob("*.png"))]
    grids = [image.reshape(10, 8, 10, 8).mean(axis=(1, 3)).ravel() for image in images]
    best = np.array([made.scores(grid).argmax() for grid in grids])
    assert 50 <= (np.abs(best - np.arange(100)) <= 3).sum() <= 65
    spiking = LensNetwork(made.features, made.outputs, steps=200)
    best = np.array([spiking.scores(grid).argmax() for grid in grids[::4]])
    assert 9 <= (np.abs(best - np.arange(0, 100, 4)) <= 3).sum() <= 18


def test_spikes_are_those_of_a_plain_loop():
    made = network()
    counts = np.linspace(0, 255, 9).astype(np.float32)
    spikes = raster(counts / 255, 300)
    assert spikes[:, 0].sum() == 0
    assert spikes[:, 8].mean() == 1
    v_features, v_places, expected = np.zeros(6, np.float32), np.zeros(4, np.float32), np.zeros(4)
    for step in spikes:
        v_features += made.features @ step
        fired = np.where(v_features >= 1, np.floor(v_features), 0).astype(np.float32)
        v_features -= fired
        v_places += made.outputs @ fired
        said = np.where(v_places >= 1, np.floor(v_places), 0).astype(np.float32)
        v_places -= said
        expected += said
    spiking = LensNetwork(made.features, made.outputs, steps=300)
    assert np.abs(spiking.scores(counts) - expected).max() <= 1
    assert expected.max() > 20


def test_what_is_no_network_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="no such file"):
        LensNetwork.load(tmp_path / "missing.pth")
    (tmp_path / "text.pth").write_text("not a network")
    with pytest.raises(ParameterError, match="not a network of LENS"):
        LensNetwork.load(tmp_path / "text.pth")
    torch.save({"other": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(ParameterError, match="expected a state dictionary"):
        LensNetwork.load(tmp_path / "other.pth")
    with pytest.raises(ParameterError, match="expected \\(features, inputs\\)"):
        LensNetwork(np.zeros((3, 4), np.float32), np.zeros((5, 2), np.float32))
    with pytest.raises(ParameterError, match="the grid of the network"):
        network().scores(np.zeros(5, np.float32))
    with pytest.raises(ParameterError, match="has learned its places"):
        network().learn(np.zeros((1, 9), np.float32), np.zeros(1, np.int64))
