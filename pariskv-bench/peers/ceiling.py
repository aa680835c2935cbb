"""What the machine gives at most, through PyTorch: the limits that everything else is read against."""

import torch

from measure import fields

METHOD = "ceiling"


def measure(machine):
    size = 1 << 20 if machine.dry else 4 << 30
    pinned = 1 << 20 if machine.dry else 1 << 30

    def figure(what, run, shape=None):
        machine.figure(what, METHOD, shape, run)

    figure("device memory read", lambda: _read(machine, size))
    figure("device memory copy", lambda: _copy(machine, size))
    figure("host to device copy, pinned", lambda: _bus(machine, pinned, to_device=True))
    figure("device to host copy, pinned", lambda: _bus(machine, pinned, to_device=False))
    figure("one dependent kernel of a CUDA graph", lambda: _kernels(machine))
    figure("matrix product", lambda: _product(machine), "8192 x 4096 x 14336, bf16")


def _read(machine, size):
    x = machine.random(size // 4, dtype=torch.float32)
    words = x.view(torch.int32)
    variants = {
        "sum of f32": lambda _: torch.sum(x),
        "largest of f32": lambda _: torch.amax(x),
        "largest of i32": lambda _: torch.amax(words),
        "norm of f32": lambda _: torch.linalg.vector_norm(x),
    }
    name, timing, others = machine.fastest(variants)
    return fields(timing, size, variant=name, others=others)


def _copy(machine, size):
    x = machine.random(size // 4, dtype=torch.float32)
    y = torch.empty_like(x)
    return fields(machine.time(lambda _: y.copy_(x)), 2 * size, note="bytes read and written")


def _bus(machine, size, to_device):
    host = torch.ones(size // 4, dtype=torch.float32, pin_memory=not machine.dry)
    device = machine.random(size // 4, dtype=torch.float32)
    target, source = (device, host) if to_device else (host, device)
    return fields(machine.time(lambda _: target.copy_(source, non_blocking=True), graph=False, replays=30), size)


def _kernels(machine):
    """Each waits for the one before it, and does next to nothing."""
    x = torch.ones(1, device=machine.device)
    return fields(machine.time(lambda _: x.add_(1.0), calls=1_000), note="1,000 kernels of one block, one after another")


def _product(machine):
    rows, inner, columns = (64, 32, 112) if machine.dry else (8_192, 4_096, 14_336)
    x, w = machine.random(rows, inner), machine.random(inner, columns)
    out = torch.empty(rows, columns, dtype=torch.bfloat16, device=machine.device)
    return fields(machine.time(lambda _: torch.mm(x, w, out=out)), flops=2 * rows * inner * columns)
