"""PyTorch's scaled_dot_product_attention, for one layer of 32 query heads, 8 KV heads, head size 128, bf16."""

import math

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from measure import Skip, fields, one_line

HEADS, KV_HEADS, HEAD_DIM = 32, 8, 128
GROUP = HEADS // KV_HEADS
SHAPE = "32 heads, 8 KV heads, 128, bf16"
METHOD = "torch-sdpa"

DECODE = [(context, batch) for batch in (1, 4) for context in (131_072, 262_144, 524_288, 1_048_576)]
PREFILL = [32_768, 131_072]


def decode(machine):
    """One query a sequence over a long context."""
    allow_bf16 = getattr(torch.backends.cuda, "allow_fp16_bf16_reduction_math_sdp", None)
    if allow_bf16:
        allow_bf16(True)  # else the plain backend converts all of K and V to f32
    cases = [(1_024, 1), (2_048, 2)] if machine.dry else DECODE
    for context, batch in cases:
        machine.figure("decode attention, one layer", METHOD, SHAPE, lambda: _decode(machine, context, batch), context, batch)


def prefill(machine):
    """Causal attention of a whole prompt."""
    for context in [256] if machine.dry else PREFILL:
        machine.figure("prefill attention, one layer, causal", METHOD, SHAPE, lambda: _prefill(machine, context), context)


def _decode(machine, context, batch):
    moved = 2 * batch * KV_HEADS * context * HEAD_DIM * 2
    layers = _layers(machine, moved)
    k = [machine.random(batch, KV_HEADS, context, HEAD_DIM) for _ in range(layers)]
    v = [machine.random(batch, KV_HEADS, context, HEAD_DIM) for _ in range(layers)]
    q = [machine.random(batch, HEADS, 1, HEAD_DIM) for _ in range(layers)]
    # The query heads of a KV head as rows of one query: without a mask that is the same attention, and K and V are read once.
    grouped = [each.view(batch, KV_HEADS, GROUP, HEAD_DIM) for each in q]
    variants = {
        "flash, enable_gqa": _sdpa("FLASH_ATTENTION", q, k, v, enable_gqa=True),
        "flash, group as query rows": _sdpa("FLASH_ATTENTION", grouped, k, v),
        "cudnn, enable_gqa": _sdpa("CUDNN_ATTENTION", q, k, v, enable_gqa=True),
        "cudnn, group as query rows": _sdpa("CUDNN_ATTENTION", grouped, k, v),
        "efficient, group as query rows": _sdpa("EFFICIENT_ATTENTION", grouped, k, v),
        "math, group as query rows": _sdpa("MATH", grouped, k, v),
        "as PyTorch chooses, group as query rows": _sdpa(None, grouped, k, v),
    }
    variants, wrong = _that_agree(machine, variants, lambda out: out.reshape(batch, HEADS, HEAD_DIM))
    # A replay is long enough for its launch not to count.
    calls = max(layers, 8) if context * batch <= 262_144 else layers
    name, timing, others = machine.fastest(variants, calls)
    note = f"K and V of {layers} layers in turn, {layers * moved / 2**20:.0f} MiB against an L2 of {machine.l2_bytes() / 2**20:.0f} MiB"
    return fields(timing, moved, note=note, variant=name, others=others | wrong, layers=layers)


def _prefill(machine, context):
    q = [machine.random(1, HEADS, context, HEAD_DIM)]
    k = [machine.random(1, KV_HEADS, context, HEAD_DIM)]
    v = [machine.random(1, KV_HEADS, context, HEAD_DIM)]
    wide_k, wide_v = ([each.repeat_interleave(GROUP, dim=1) for each in rows] for rows in (k, v))
    variants = {
        "flash, enable_gqa": _sdpa("FLASH_ATTENTION", q, k, v, enable_gqa=True, is_causal=True),
        "cudnn, enable_gqa": _sdpa("CUDNN_ATTENTION", q, k, v, enable_gqa=True, is_causal=True),
        "cudnn, K and V repeated": _sdpa("CUDNN_ATTENTION", q, wide_k, wide_v, is_causal=True),
        "as PyTorch chooses, K and V repeated": _sdpa(None, q, wide_k, wide_v, is_causal=True),
    }
    variants, wrong = _that_agree(machine, variants, lambda out: out[:, :, -64:])
    name, timing, others = machine.fastest(variants)
    flops = 4 * HEADS * HEAD_DIM * context * (context + 1) // 2
    return fields(timing, flops=flops, note="operations of the causal half", variant=name, others=others | wrong)


def _layers(machine, layer_bytes):
    """How many layers' K and V take turns: two, or what exceeds four times the L2, or one if no more fits."""
    free = machine.free_bytes() - (2 << 30 if not machine.dry else 0)
    wanted = max(2, math.ceil(4 * machine.l2_bytes() / layer_bytes))
    layers = min(wanted, free // layer_bytes)
    if layers < 1:
        raise Skip(f"K and V of one layer take {layer_bytes / 2**30:.1f} GiB, {free / 2**30:.1f} GiB are free")
    return layers


def _sdpa(backend, q, k, v, **options):
    """A function that attends with layer i's rows, by one of PyTorch's backends."""
    def choice():
        if backend is None:
            return sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.CUDNN_ATTENTION])
        return sdpa_kernel([getattr(SDPBackend, backend)])

    def run(i):
        layer = i % len(k)
        with choice():
            return F.scaled_dot_product_attention(q[layer], k[layer], v[layer], **options)
    return run


def _that_agree(machine, variants, comparable):
    """Leaves out what fails, and what computes something else than the first that runs."""
    agreeing, wrong, expected = {}, {}, None
    for name, run in variants.items():
        try:
            out = comparable(run(0)).float()
            machine.synchronize()
        except Exception as e:
            wrong[name] = one_line(e)
            machine.after_error(wrong[name])
            continue
        expected = out if expected is None else expected
        error = float((out - expected).norm() / expected.norm())
        if error < 0.05:  # bf16 rounds to 0.4%; a NaN is not less
            agreeing[name] = run
        else:
            wrong[name] = f"another result than the first variant's: relative error {error:.3g}"
    return agreeing, wrong
