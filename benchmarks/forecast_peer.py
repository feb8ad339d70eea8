"""What benchmarks.forecasts asks of other Pythons: where packages keep their data, and an LSTM's forecasts.

Runs there as a script of its own, since Cutaway need not be there. The LSTM is as PyTorch Forecasting's recurrent
network has it: an encoder reads the steps before an origin, a decoder goes on from its state step by step, with what
the calendar says of each; a window is standardised by what the encoder reads, the loss is the mean absolute error, it
stops when the latest fifth of what is learnt from gets no better.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from typing import Any

HIDDEN, LAYERS, DROPOUT, RATE, BATCH, EPOCHS, PATIENCE, MOST, CLIP = 32, 2, 0.1, 3e-3, 64, 25, 5, 1000, 1.0


def folders(names: list[str]) -> dict[str, str]:
    """The folder of each package that is installed; none is imported."""
    found = {name: find_spec(name) for name in names}
    return {name: os.path.dirname(spec.origin) for name, spec in found.items() if spec and spec.origin}


def lstm(data: Any) -> Any:
    """The forecasts (n, horizon) of the windows asked for, learnt from each series' steps before its end."""
    import numpy as np
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    length, horizon = int(data["length"]), int(data["horizon"])
    tracks, origins = data["track"], data["origin"]
    series, parts, learn = [], [], []
    for k in range(int(tracks.max()) + 1):
        y, end = data[f"y{k}"].astype(float), int(data[f"end{k}"])
        for t in np.flatnonzero(np.isnan(y)):  # as the step before
            y[t] = y[t - 1] if t else 0.0
        series.append(y)
        parts.append(data[f"parts{k}"])
        learn += [(k, at, at / end) for at in range(length, end - horizon + 1)]
    learn.sort(key=lambda one: one[2])

    def windows(asked: list) -> tuple:
        y = np.stack([series[k][at - length:at + horizon] if at + horizon <= len(series[k]) else
                      np.pad(series[k][at - length:], (0, horizon))[:length + horizon] for k, at, *_ in asked])
        known = np.stack([parts[k][at - length:at + horizon] for k, at, *_ in asked])
        mean, spread = y[:, :length].mean(axis=1), y[:, :length].std(axis=1)
        spread = np.maximum(spread, 1e-3 * np.median(spread) + 1e-9)
        y = (y - mean[:, None]) / spread[:, None]
        before = np.concatenate([y[:, :-1, None], known[:, 1:]], axis=2)  # the step before, and the calendar
        return torch.tensor(before, dtype=torch.float32), torch.tensor(y[:, length:], dtype=torch.float32), mean, spread

    class Net(torch.nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.cell = torch.nn.LSTM(width, HIDDEN, LAYERS, dropout=DROPOUT, batch_first=True)
            self.out = torch.nn.Linear(HIDDEN, 1)

        def forward(self, x: Any) -> Any:  # with the truth as the step before
            return self.out(self.cell(x)[0][:, length - 1:])[..., 0]

        def forecast(self, x: Any) -> Any:  # with its own answers
            h, state = self.cell(x[:, :length])
            found = [self.out(h[:, -1:])]
            for t in range(1, horizon):
                h, state = self.cell(torch.cat([found[-1], x[:, length - 1 + t:length + t, 1:]], dim=2), state)
                found.append(self.out(h))
            return torch.cat(found, dim=1)[..., 0]

    cut = max(1, int(0.8 * len(learn)))
    rng = np.random.default_rng(0)
    train = [learn[i] for i in sorted(rng.permutation(cut)[:MOST])]
    late = learn[min(cut + horizon, len(learn) - 1):]
    (X, Y, *_), (V, W, *_) = windows(train), windows(late[::max(1, len(late) // 300)])
    net = Net(X.shape[2])
    adam = torch.optim.Adam(net.parameters(), RATE)
    best, kept, left = np.inf, net.state_dict(), PATIENCE
    for _ in range(EPOCHS):
        net.train()
        for rows in torch.randperm(len(X)).split(BATCH):
            adam.zero_grad()
            (net(X[rows]) - Y[rows]).abs().mean().backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
            adam.step()
        net.eval()
        with torch.no_grad():
            error = float((net.forecast(V) - W).abs().mean())
        left -= 1
        if error < best:
            best, left, kept = error, PATIENCE, {name: value.clone() for name, value in net.state_dict().items()}
        if not left:
            break
    net.load_state_dict(kept)
    net.eval()
    x, _, mean, spread = windows([(int(k), int(at)) for k, at in zip(tracks, origins, strict=True)])
    with torch.no_grad():
        return mean[:, None] + spread[:, None] * net.forecast(x).numpy()


if __name__ == "__main__":
    os.environ |= {"OMP_NUM_THREADS": "1"}
    asked, *words = sys.argv[1:]
    if asked == "folders":
        print(json.dumps(folders(words)))
    else:
        import numpy

        numpy.save(words[0], lstm(numpy.load(asked)))
