"""PyTorch's side of the benchmarks: one JSON request a line on stdin, one answer a line on stdout."""

import base64
import json
import os
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
TYPES = {"float32": torch.float32, "int64": torch.int32}  # integers travel in 32 bits


def decode(spec):
    t = torch.frombuffer(bytearray(base64.b64decode(spec["data"])), dtype=TYPES[spec["dtype"]]).reshape(spec["shape"])
    return t.to(torch.int64) if spec["dtype"] == "int64" else t


def encode(t):
    return base64.b64encode(t.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


class Residual(nn.Module):
    def __init__(self, main, shortcut):
        super().__init__()
        self.main = build(main)
        self.shortcut = build(shortcut)

    def forward(self, x):
        return F.relu(self.main(x) + self.shortcut(x))


MAKE = {
    "linear": nn.Linear,
    "conv": lambda i, o, size, stride, padding: nn.Conv2d(i, o, size, stride=stride, padding=padding),
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "flatten": nn.Flatten,
    "maxpool": nn.MaxPool2d,
    "globalavgpool": lambda: nn.AdaptiveAvgPool2d(1),
    "batchnorm": nn.BatchNorm2d,
    "residual": Residual,
}


def build(layers):
    return nn.Sequential(*(MAKE[kind](*args) for kind, *args in layers))


def timed(body, n):
    """Seconds of n calls, and the processor time for each of them."""
    start, before = time.perf_counter(), time.process_time()
    for _ in range(n):
        body()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "busy": (time.process_time() - before) / seconds}


class Op:
    """An expression of the tensors, or setup lines and an expression: "setup; ...; => expression"."""

    def __init__(self, row, tensors, weights, fused):
        scope = {"torch": torch, "nn": nn, "F": F, **tensors}
        setup, _, body = row["code"].rpartition("=>")
        exec(setup.strip(), scope)
        # A function, so that names are looked up as in a program of its own.
        exec(f"def body():\n    return {body.strip()}", scope)
        self.body = scope["body"]
        self.grad = bool(row.get("grad"))

    def check(self, steps):
        with torch.set_grad_enabled(self.grad):
            out = self.body()
        outs = out if isinstance(out, (list, tuple)) else [out]
        return [encode(t) for t in outs if isinstance(t, torch.Tensor)]

    def run(self, n):
        body = self.body
        with torch.set_grad_enabled(self.grad):
            return timed(body, n)


class Network:
    def __init__(self, row, tensors, weights, fused):
        self.model = build(row["layers"])
        self.model.load_state_dict(weights, strict=False)
        self.model.eval()
        self.x = tensors["x"]

    def check(self, steps):
        with torch.no_grad():
            return [encode(self.model(self.x))]

    def run(self, n):
        with torch.no_grad():
            return timed(lambda: self.model(self.x), n)


class Training:
    def __init__(self, row, tensors, weights, fused):
        self.row, self.weights, self.fused = row, weights, fused
        self.x, self.y = tensors["x"], tensors["y"]
        self.loss = nn.BCEWithLogitsLoss() if row["loss"] == "bce" else nn.CrossEntropyLoss()
        self.reset()

    def reset(self):
        self.model = build(self.row["layers"])
        self.model.load_state_dict(self.weights, strict=False)
        kind = torch.optim.Adam if self.row["optimizer"] == "Adam" else torch.optim.SGD
        self.optimizer = kind(self.model.parameters(), lr=self.row["lr"], **({"fused": True} if self.fused else {}))

    def step(self):
        self.optimizer.zero_grad()
        loss = self.loss(self.model(self.x), self.y)
        loss.backward()
        self.optimizer.step()
        return loss

    def check(self, steps):
        self.reset()
        return [encode(torch.tensor([self.step().item() for _ in range(steps)]))]

    def run(self, n):
        return timed(self.step, n)


KINDS = {"op": Op, "network": Network, "training": Training}
sides = {}


def peak(start):
    """The bytes in use now, from where on the kernel's mark counts, or that mark (harness/peak.mjs)."""
    try:
        if start:
            with open("/proc/self/clear_refs", "w") as file:
                file.write("5")
        with open("/proc/self/status") as file:
            name = "VmRSS:" if start else "VmHWM:"
            return 1024 * int(next(line for line in file if line.startswith(name)).split()[1])
    except OSError:
        import resource

        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return rss if sys.platform == "darwin" else 1024 * rss


def answer(request):
    do = request["do"]
    if do == "hello":
        return {"version": torch.__version__, "cores": CORES, "capability": torch.backends.cpu.get_cpu_capability()}
    if do == "peak":
        return peak(request["start"])
    if do == "open":
        key = len(sides)
        tensors, weights = ({name: decode(t) for name, t in request[k].items()} for k in ("tensors", "weights"))
        torch.set_num_threads(request["threads"])
        sides[key] = (KINDS[request["row"]["kind"]](request["row"], tensors, weights, request.get("fused", False)), request["threads"])
        return key
    side, threads = sides[request["id"]]
    if do == "close":
        sides[request["id"]] = None
        return None
    # Changing the number of threads costs; it is not part of what is timed.
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    if do == "check":
        return side.check(request["steps"])
    if do == "reset":
        return side.reset()
    return side.run(request["n"])


for line in sys.stdin:
    try:
        reply = {"value": answer(json.loads(line))}
    except Exception as error:  # the sender tells the reader; this process goes on
        reply = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), flush=True)
