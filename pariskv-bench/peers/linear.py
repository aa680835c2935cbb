"""All linear layers of one token of the Llama-3.1-8B shape through cuBLAS: distinct weights, one CUDA graph."""

import torch

from measure import Skip, fields

SHAPE = "llama-3.1-8b"
METHOD = "cublas-linear"
BATCHES = (1, 2, 4, 8, 16)  # as gpu/run-bench


class Sizes:
    def __init__(self, dry):
        self.layers = 2 if dry else 32
        self.hidden = 64 if dry else 4_096
        self.kv = 16 if dry else 1_024
        self.intermediate = 224 if dry else 14_336
        self.vocabulary = 512 if dry else 128_256

    def weight_bytes(self):
        per_layer = self.hidden * (2 * self.hidden + 2 * self.kv + 3 * self.intermediate)
        return 2 * (self.layers * per_layer + self.hidden * self.vocabulary)


def measure(machine):
    weights = []

    def once(batch):
        if not weights:  # inside a figure, so that a lack of memory is one figure's error
            weights.append(Weights(machine, Sizes(machine.dry)))
        return _linear(machine, weights[0], batch)

    for batch in BATCHES:
        machine.figure("linear layers of one token", METHOD, SHAPE, lambda: once(batch), batch=batch)


class Weights:
    """Rows of outputs, as PyTorch's Linear has them; what is apart in a model file is a slice of what engines fuse."""

    def __init__(self, machine, sizes):
        free = machine.free_bytes()
        if sizes.weight_bytes() > free:
            raise Skip(f"weights take {sizes.weight_bytes() / 2**30:.1f} GiB, {free / 2**30:.1f} GiB are free")
        self.sizes = sizes
        hidden, kv, wide = sizes.hidden, sizes.kv, sizes.intermediate
        self.layers = [{
            "qkv": machine.random(hidden + 2 * kv, hidden, scale=0.02),
            "o": machine.random(hidden, hidden, scale=0.02),
            "gate_up": machine.random(2 * wide, hidden, scale=0.02),
            "down": machine.random(hidden, wide, scale=0.02),
        } for _ in range(sizes.layers)]
        self.head = machine.random(sizes.vocabulary, hidden, scale=0.02)

    def matrices(self, fused):
        hidden, kv, wide = self.sizes.hidden, self.sizes.kv, self.sizes.intermediate
        for layer in self.layers:
            yield from [layer["qkv"]] if fused else layer["qkv"].split([hidden, kv, kv])
            yield layer["o"]
            yield from [layer["gate_up"]] if fused else layer["gate_up"].split([wide, wide])
            yield layer["down"]
        yield self.head


def _linear(machine, weights, batch):
    sizes = weights.sizes
    x = {width: machine.random(batch, width) for width in (sizes.hidden, sizes.intermediate)}

    def products(library, fused):
        # Outputs have their place: nothing but the products is in the graph.
        pairs = [(x[w.shape[1]], w.t(), torch.empty(batch, w.shape[0], dtype=w.dtype, device=w.device))
                 for w in weights.matrices(fused)]

        def run(_):
            _prefer(library)
            for rows, matrix, out in pairs:
                torch.mm(rows, matrix, out=out)
        return run

    variants = {f"{library}, {'qkv and gate_up fused' if fused else 'seven matrices a layer'}": products(library, fused)
                for library in ("cublas", "cublaslt") for fused in (True, False)}
    try:
        name, timing, others = machine.fastest(variants)
    finally:
        _prefer("default")
    return fields(timing, sizes.weight_bytes(), note="distinct weights of every layer, no L2 reuse", variant=name, others=others)


def _prefer(library):
    prefer = getattr(torch.backends.cuda, "preferred_blas_library", None)
    if prefer and torch.cuda.is_available():
        prefer(library)
