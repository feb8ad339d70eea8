"""Write the .onnx files in `made/` that PyTorch's two exporters make: python make_torch_files.py (needs onnxscript)."""

import sys
from pathlib import Path

import torch
from slim import slim
from torch import nn
from torch.nn import functional as F

FOLDER = Path(__file__).parent / "made"


class Activations(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 6)
        self.prelu = nn.PReLU(6)
        self.out = nn.Linear(6, 3)

    def forward(self, x):
        z = self.fc(x)
        z = F.gelu(z) + F.elu(z, 0.7) + F.selu(z) + F.leaky_relu(z, 0.2) + F.hardswish(z) + F.hardsigmoid(z)
        z = z + F.silu(z) + F.mish(z) + F.softplus(z) + F.softsign(z) + F.gelu(z, approximate="tanh") + F.celu(z)
        return self.out(self.prelu(z) + torch.clamp(z, -0.5, 0.5) + F.relu6(z))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        a = torch.relu(self.norm(self.first(x)))
        return self.fc((a + self.second(a)).mean((2, 3)))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.qkv, self.out = nn.LayerNorm(8), nn.Linear(8, 24), nn.Linear(8, 2)

    def forward(self, x):
        q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
        n, t, _ = x.shape
        q, k, v = (a.reshape(n, t, 2, 4).transpose(1, 2) for a in (q, k, v))
        a = torch.softmax(q @ k.transpose(2, 3) / 2.0, -1) @ v
        return self.out(x + a.transpose(1, 2).reshape(n, t, 8)).mean(1)


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.out = nn.Embedding(11, 5), nn.Linear(5, 2)

    def forward(self, i):
        return self.out(self.words(i).mean(1))


class Last(nn.Module):
    """The last output of a recurrent layer, or its last state."""

    def __init__(self, cell, state=False, batch_first=True, **how):
        super().__init__()
        self.cell, self.state, self.batch_first = cell(3, 4, batch_first=batch_first, **how), state, batch_first
        self.out = nn.Linear(4 * (1 + self.cell.bidirectional), 2)

    def forward(self, x):
        y, h = self.cell(x)
        h = h[0] if isinstance(h, tuple) else h
        if self.state:
            return self.out(torch.cat([h[-2], h[-1]], -1) if self.cell.bidirectional else h[-1])
        return self.out(y[:, -1] if self.batch_first else y[-1])


class EachStep(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.out = nn.LSTM(3, 4, batch_first=True, bidirectional=True), nn.Linear(8, 2)

    def forward(self, x):
        return self.out(self.cell(x)[0])


class FromState(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.out = nn.LSTM(3, 4), nn.Linear(4, 2)

    def forward(self, x, h, c):
        return self.out(self.cell(x, (h, c))[0][-1])


class Parts(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 8)
        self.scale = nn.Parameter(torch.linspace(0.5, 1.5, 8))

    def forward(self, x):
        z = self.fc(x) * self.scale
        a, b = F.glu(z, -1), z[:, 1:7:2]
        c = torch.where(z > 0.1, z, z * 0.3).abs().sqrt().log1p()
        d = torch.stack([z.max(1).values, z.min(1).values, z.norm(dim=1), torch.logsumexp(z, 1)], 1)
        return torch.cat([a, b, c, d, z.square().sum(1, keepdim=True), (z / 2).exp().mean(1, keepdim=True)], 1)


class Norms(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.group, self.instance = nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4, affine=True)
        self.out = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        return self.out(F.pad(self.instance(self.group(self.conv(x))), (1, 0, 2, 1))).flatten(1)


def sequential(*layers):
    return nn.Sequential(*layers)


MODELS = {
    "mlp": (lambda: sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 8), nn.Tanh(),
                               nn.Linear(8, 3)), [(2, 4)]),
    "softmax": (lambda: sequential(nn.Linear(4, 8), nn.Sigmoid(), nn.Linear(8, 3), nn.LogSoftmax(1)), [(2, 4)]),
    "double": (lambda: sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)).double(), [(2, 4)]),
    "activations": (Activations, [(2, 4)]),
    "cnn": (lambda: sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                               nn.Linear(36, 5)), [(2, 3, 8, 8)]),
    "cnn_kinds": (lambda: sequential(
        nn.ZeroPad2d((1, 2, 0, 1)), nn.Conv2d(4, 4, (3, 2), stride=(2, 1), dilation=(1, 2), groups=4),
        nn.LeakyReLU(0.1), nn.Conv2d(4, 6, 1), nn.ELU(), nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        nn.MaxPool2d(2, 2, 1, ceil_mode=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2)), [(2, 4, 9, 9)]),
    "pools": (lambda: sequential(nn.Conv2d(1, 3, 3, padding=1), nn.AvgPool2d(2, 2, 1), nn.MaxPool2d(3, 2),
                                 nn.Conv2d(3, 2, 2, bias=False)), [(2, 1, 8, 8)]),
    "conv1d": (lambda: sequential(nn.Conv1d(3, 6, 5, padding=2, groups=3), nn.ReLU(), nn.MaxPool1d(2),
                                  nn.Conv1d(6, 4, 3, stride=2), nn.AdaptiveMaxPool1d(1), nn.Flatten(),
                                  nn.Linear(4, 2)), [(2, 3, 16)]),
    "residual": (Residual, [(2, 2, 6, 6)]),
    "norms": (Norms, [(2, 2, 6, 6)]),
    "attention": (Attention, [(2, 5, 8)]),
    "encoder": (lambda: sequential(nn.TransformerEncoderLayer(8, 2, 12, batch_first=True, dropout=0.0),
                                   nn.Linear(8, 2)), [(2, 5, 8)]),
    "words": (Words, [(2, 6)]),
    "parts": (Parts, [(2, 4)]),
    "rnn": (lambda: Last(nn.RNN), [(2, 5, 3)]),
    "rnn_relu": (lambda: Last(nn.RNN, nonlinearity="relu", state=True), [(2, 5, 3)]),
    "lstm": (lambda: Last(nn.LSTM, num_layers=2), [(2, 5, 3)]),
    "lstm_both": (lambda: Last(nn.LSTM, state=True, bidirectional=True), [(2, 5, 3)]),
    "lstm_each_step": (EachStep, [(2, 5, 3)]),
    "lstm_from_state": (FromState, [(5, 2, 3), (1, 2, 4), (1, 2, 4)]),
    "gru": (lambda: Last(nn.GRU, state=True, num_layers=2), [(2, 5, 3)]),
    "gru_both": (lambda: Last(nn.GRU, state=True, bidirectional=True), [(2, 5, 3)]),
    "gru_time_first": (lambda: Last(nn.GRU, batch_first=False, bias=False), [(5, 2, 3)]),
}
KINDS = ("old", "new")
ROWS_SECOND = ("lstm_from_state", "gru_time_first")
TIMED = ("rnn", "lstm", "gru", "words")  # the old exporter leaves the number of steps open
OLD_OPSETS = {"softmax": 11, "cnn": 9, "pools": 12, "parts": 13, "mlp": 7}


def randomised(net):
    for name, b in net.named_buffers():
        if name.endswith("running_mean"):
            b.normal_()
        if name.endswith("running_var"):
            b.uniform_(0.5, 2)
    return net.eval()


def main(chosen):
    FOLDER.mkdir(exist_ok=True)
    for name in chosen or MODELS:
        make, shapes = MODELS[name]
        torch.manual_seed(len(name))
        net = randomised(make())
        dtype = next(net.parameters()).dtype
        args = tuple(torch.randint(0, 11, s) if name == "words" else torch.randn(s, dtype=dtype) for s in shapes)
        axis = 1 if name in ROWS_SECOND else 0
        open_axes = {axis: "batch"} | ({1 - axis: "time"} if name.startswith(TIMED) else {})
        names = ["x", "h", "c"][: len(args)]
        for kind in KINDS:
            path = FOLDER / f"torch_{kind}_{name}.onnx"
            try:
                if kind == "old":
                    torch.onnx.export(net, args, path, input_names=names, output_names=["out"], dynamo=False,
                                      opset_version=OLD_OPSETS.get(name, 17),
                                      dynamic_axes={n: open_axes if n == "x" else {axis: "batch"} for n in names}
                                      | {"out": {0: "batch"}})
                else:
                    batch = torch.export.Dim("batch", min=1, max=1024)
                    torch.onnx.export(net, args, path, input_names=names, output_names=["out"], dynamo=True,
                                      external_data=False, optimize=True, verbose=False,
                                      dynamic_shapes=tuple({axis: batch} for _ in args))
            except Exception as reason:
                print(f"{kind} {name}: {type(reason).__name__}: {str(reason)[:300]}")
                continue
            slim(path)
            print(kind, name, path.stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1:])
