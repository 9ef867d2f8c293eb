"""Train a network for the MLPF denoiser and write it as Keras does, for `use: mlpf`; needs torch.

    python tools/train_mlpf.py OUT.h5 [RECORDING…]        # without recordings: simulated scenes

Recordings count as signal; noise of 1, 5 and 10 Hz a pixel is added.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import h5py
import numpy as np
import torch

from eventflow.kernels import denoise, mlp
from eventflow.kernels.patches import patches
from eventflow.score.denoise import labelled_cases

WINDOW_US = 100_000
HIDDEN = 20
EVENTS_A_CASE = 40_000
SCENES = ["synth:shapes", "synth:pan", "synth:crossing", "synth:moving"]


def examples(sources):
    """Return inputs in the order of `eventflow.kernels.mlp` and truth, of some events of every case."""
    inputs, truth = [], []
    for number, (_, events) in enumerate(labelled_cases(sources, (1.0, 5.0, 10.0), seed=201)):
        start = max(len(events) // 2 - EVENTS_A_CASE // 2, 0)
        state = denoise.surface(events.width, events.height, radius=mlp.RADIUS)
        denoise.background_activity(events[:start], state, WINDOW_US)
        part = events[start : start + EVENTS_A_CASE]
        cut = patches(part, state, mlp.RADIUS, WINDOW_US)
        inputs.append(cut[:, :, ::-1].transpose(0, 1, 3, 2).reshape(len(part), -1))  # columns, from the bottom upwards
        truth.append(part.labels == 1)
        print(f"case {number}: {len(part)} events", flush=True)
    return np.concatenate(inputs), np.concatenate(truth).astype(np.float32)


def train(inputs, truth, epochs: int = 10):
    """Return the trained layers."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(inputs.shape[1], HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 1))
    x, y = torch.tensor(np.ascontiguousarray(inputs)), torch.tensor(truth)
    balance = torch.tensor((1 - truth.mean()) / truth.mean())
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(epochs):
        for chosen in torch.randperm(len(x)).split(2048):
            odds = net(x[chosen])[:, 0]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(odds, y[chosen], pos_weight=balance)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return net


def write(net, path: Path) -> None:
    """Write the layers under the names that Keras gives them."""
    with h5py.File(path, "w") as file:
        for name, layer in (("fc1", net[0]), ("output", net[2])):
            group = file.create_group(f"model_weights/{name}/{name}")
            group["kernel:0"] = layer.weight.detach().numpy().T
            group["bias:0"] = layer.bias.detach().numpy()


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("recordings", nargs="*")
    options = parser.parse_args()
    write(train(*examples(options.recordings or SCENES)), options.out)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
