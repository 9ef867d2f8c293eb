"""Train the network of the adaptive denoiser (`eventflow/kernels/adaptive.npz`); needs torch.

    python tools/train_adaptive.py SAMPLES [--leave-out]      # SAMPLES: the folder of sample recordings

Real recordings count as signal, simulated scenes are signal; noise of 1, 5 and 10 Hz a pixel is added with a seed that
`eventflow score denoise` does not use. With --leave-out a network is trained for each recording of the scoring grid on
all the others (every seed of a scene counts as the same recording), for `eventflow/score/adaptive_left_out.npz`, which
`eventflow score denoise` shows beside the one that has seen them all.
"""

from __future__ import annotations

import argparse
import zlib
from pathlib import Path

import numpy as np
import torch

from eventflow import io
from eventflow.kernels import adaptive
from eventflow.kernels import adaptive_loops as loops
from eventflow.score.denoisers import LEFT_OUT
from eventflow.synth import render
from eventflow.synth.injection import with_noise

RECORDINGS = {
    "demo01": "aedat/davis346_demo01.aedat4",
    "dvxplorer": "aedat/dvxplorer_imu.aedat4",
    "dvs": "es/dvs.es",
    "gen3": "evt/gen3.evt2.raw",
    "gen3_fx3": "evt/gen3_fx3.evt2.raw",
    "imx636": "evt/imx636_time_wrap.evt3.raw",
    "gen41": "evt/gen41_vectors.evt3.raw",
    "ncaltech": "neuromorphic_datasets/ncaltech101_faces_easy_0001.bin",
}
SIMULATED = [
    ("shapes", {"seed": 11, "duration": 500_000}),
    ("shapes", {"seed": 12, "duration": 300_000, "speed": 400.0}),
    ("pan", {"seed": 13, "duration": 300_000}),
    ("pan", {"seed": 14, "duration": 150_000, "speed": 300.0, "direction": 70.0}),
    ("pan", {"seed": 15, "duration": 400_000, "speed": 40.0, "direction": 200.0}),
    ("crossing", {"seed": 16, "duration": 500_000}),
    ("moving", {"seed": 17, "duration": 500_000}),
]
HELD_OUT = {
    "demo01": "davis346_demo01",
    "dvxplorer": "dvxplorer_imu",
    "dvs": "dvs",
    "shapes": "synth:shapes",
    "pan": "synth:pan",
}
RATES_HZ = (1.0, 5.0, 10.0)
EVENTS_A_CASE = 40_000
SEED = 101


def sources(samples: Path):
    """Yield name and events of everything there is to learn from."""
    for name, path in RECORDINGS.items():
        yield name, io.read(samples / path, backwards="clamp").sorted()[:600_000]
    for name, options in SIMULATED:
        yield name, render(name, noise=0.0, leak=0.0, **options)


def examples(events, seed: int):
    """Return features and truth of some events of a labelled stream, drawn at random."""
    rows = adaptive.features(events, adaptive.memory(events.width, events.height))
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(events))[:EVENTS_A_CASE]
    return rows[chosen], (events.labels[chosen] == 1)


def collect(samples: Path):
    """Return (name, features, truth) of every case."""
    found = []
    for name, clean in sources(samples):
        for rate in RATES_HZ:
            seed = SEED + zlib.crc32(f"{name}{rate}{len(clean)}".encode()) % 1000
            found.append((name, *examples(with_noise(clean, seed=seed, noise=rate), seed)))
        print(f"{name}: {len(clean)} events", flush=True)
    return found


def train(cases, *, epochs: int = 10, seed: int = 0) -> adaptive.Network:
    """Return the network that best tells signal from noise, both weighing the same in every case."""
    x = np.concatenate([rows for _, rows, _ in cases])
    y = np.concatenate([truth for *_, truth in cases]).astype(np.float32)
    weight = np.concatenate([np.where(truth, 0.5 / truth.mean(), 0.5 / (1 - truth.mean())) for *_, truth in cases])
    mean, spread = x.mean(0), x.std(0) + 1e-3
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    inputs, target = torch.tensor((x - mean) / spread), torch.tensor(y)
    weights = torch.tensor(weight.astype(np.float32))
    net = torch.nn.Sequential(
        torch.nn.Linear(loops.FEATURES, loops.HIDDEN), torch.nn.ReLU(), torch.nn.Linear(loops.HIDDEN, 1)
    )
    batch = 4096
    steps = epochs * (len(inputs) // batch)
    optimiser = torch.optim.Adam(net.parameters(), weight_decay=1e-6)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=steps + 1)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        order = torch.randperm(len(inputs), generator=generator)
        for begin in range(0, len(inputs) - batch + 1, batch):
            chosen = order[begin : begin + batch]
            seen = inputs[chosen].clone()
            # context that is missing now and then is not leaned on: it could name the recording
            gone = torch.rand((batch, loops.FEATURES - loops.SUMS), generator=generator) < 0.2
            seen[:, loops.SUMS :][gone] = 0.0
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                net(seen)[:, 0], target[chosen], weights[chosen]
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    w1, b1 = net[0].weight.detach().numpy().T / spread[:, None], net[0].bias.detach().numpy()
    w2, b2 = net[2].weight.detach().numpy()[0], net[2].bias.detach().numpy()[0]
    return adaptive.Network(
        np.ascontiguousarray(w1, np.float32), (b1 - mean @ w1).astype(np.float32), w2.copy(), np.float32(b2)
    )


def main() -> None:
    """Train, and write or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--leave-out", action="store_true")
    parser.add_argument("--out", type=Path, help="another file than that of the package")
    options = parser.parse_args()
    cases = collect(options.samples)
    if not options.leave_out:
        write(options.out or Path(adaptive.__file__).with_name("adaptive.npz"), {"": train(cases)})
        return
    found = {}
    for name, case in HELD_OUT.items():
        found[f"{case}_"] = train([each for each in cases if each[0] != name])
        print(f"without {name}", flush=True)
    write(options.out or LEFT_OUT, found)


def write(path: Path, networks: dict[str, adaptive.Network]) -> None:
    """Write networks, the names of whose arrays begin with their keys."""
    parts = ("w1", "b1", "w2", "b2")
    np.savez(path, **{f"{key}{part}": getattr(each, part) for key, each in networks.items() for part in parts})
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
