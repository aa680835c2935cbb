"""The targets, each beside its peer in one run on the same GPU."""

from dataclasses import dataclass

from figures import LAYER, SHAPE_3B, SHAPE_8B, first

LONG = 131_072
MILLION = 1_048_576


@dataclass(frozen=True)
class Target:
    """One line of the table; `measured` is None where this run has no figure for it."""

    what: str
    unit: str  # ms, s, tok/s, x (ours against theirs) or %
    reach: float
    aim: float
    measured: float = None
    peer: str = ""
    more_is_better: bool = False

    def verdict(self):
        if self.measured is None:
            return "not in this run"
        if self._at_least(self.aim):
            return "aim met"
        return "met" if self._at_least(self.reach) else "missed"

    def _at_least(self, wanted):
        if wanted is None:
            return False
        return self.measured >= wanted if self.more_is_better else self.measured <= wanted


def targets(run):
    """All of them, in the order of the project's table."""
    return [*_full_attention(run), *_pariskv_attention(run, LONG, 0.08, 0.05, 2.6, None),
            *_pariskv_attention(run, MILLION, 0.30, 0.20, 4.8, 7), _linear(run), *_steps(run), *_prefill(run)]


def sdpa(run, context, batch=1):
    """PyTorch's decode attention of that size, or None."""
    return first(run.peer("torch-sdpa", what="decode attention, one layer", shape=LAYER, context=context, batch=batch))


def _full_attention(run):
    lines = []
    for ours in run.our("attention", method="full", shape=LAYER, kv_placement="device"):
        theirs = sdpa(run, ours["context"], ours["batch"])
        if theirs:
            lines.append(Target(f"full decode attention, {ours['batch']} x {ours['context']:,}: time against PyTorch SDPA", "x",
                                1.15, 1.0, ours["ms_median"] / theirs["ms_median"], _peer(theirs)))
    return lines or [Target("full decode attention: time against PyTorch SDPA", "x", 1.15, 1.0)]


def _pariskv_attention(run, context, reach_ms, aim_ms, reach_ratio, aim_ratio):
    ours = first(run.our("attention", method="pariskv", shape=LAYER, kv_placement="host", context=context, batch=1, k=100))
    theirs = sdpa(run, context)
    ms = ours and ours["ms_median"]
    ratio = theirs["ms_median"] / ms if ours and theirs else None
    name = f"ParisKV decode attention of a layer, K and V in host memory, k = 100, {context:,}"
    return [Target(name, "ms", reach_ms, aim_ms, ms, _peer(theirs)),
            Target("the same: times faster than PyTorch SDPA", "x", reach_ratio, aim_ratio, ratio, _peer(theirs), True)]


def _linear(run):
    ours = first(run.our("linear", shape=SHAPE_8B, batch=1)) or first(run.our("linear", batch=1))
    theirs = first(run.peer("cublas-linear", shape=SHAPE_8B, batch=1))
    return Target("all linear layers of one token, 8B", "ms", 5.6, 5.2, ours and ours["ms_median"], _peer(theirs))


def _steps(run):
    def fastest(method, shape=SHAPE_8B, batch=1, context=LONG, **wanted):
        rows = run.our("model", method=method, shape=shape, batch=batch, mixed=False, **wanted)
        rows = [row for row in rows if abs(row["context"] - context) <= 0.05 * context]
        return min(rows, key=lambda row: row["ms_median"], default=None)

    def ms(row):
        return row and row["ms_median"]

    def rate(row):
        return row and row["batch"] * 1e3 / row["ms_median"]

    hf = first(run.peer("hf-transformers", what="model decode step"))
    full4, paris4 = rate(fastest("full", batch=4, kv_placement="device")), rate(fastest("pariskv", batch=4))
    return [
        Target("decode step of the 8B shape at 128K, full", "ms", 13, 11.5, ms(fastest("full")), _peer(hf)),
        *[Target(f"decode step of the 8B shape at 128K, ParisKV, K and V on the {place}", "ms", 8.5, 7,
                 ms(fastest("pariskv", kv_placement=placement)), _peer(hf)) for placement, place in (("device", "GPU"), ("host", "host"))],
        Target("tokens a second at 128K, batch 4: ParisKV over full", "x", 3, 4, paris4 / full4 if full4 and paris4 else None,
               f"ours, full: {full4:.0f} tok/s" if full4 else "", True),
        Target("tokens a second at 128K, batch 8, ParisKV", "tok/s", 450, 700, rate(fastest("pariskv", batch=8)), "", True),
        Target("1M tokens, Llama-3.2-3B shape", "ms", 15, 10, ms(fastest("pariskv", SHAPE_3B, context=1_000_000))),
    ]


def _prefill(run):
    theirs = first(run.peer("torch-sdpa", what="prefill attention, one layer, causal", context=LONG))
    peer = f"attention alone, 32 layers of PyTorch SDPA: {32 * theirs['ms_median'] / 1e3:.1f} s" if theirs else ""
    what = "prefill of 128K tokens, 8B shape"
    lines = []
    for row in run.our("model", shape=SHAPE_8B, context=LONG, batch=1, prefilled=True):
        place = "GPU" if row["kv_placement"] == "device" else "host"
        lines.append(Target(f"{what}, {row['method']}, K and V on the {place}", "s", 20, 13, row["prefill_seconds"], peer))
        share = row["encode_offload_share"]
        if share is not None and (row["method"], place) == ("pariskv", "host"):
            lines.append(Target("index building and offload, share of prefill time", "%", 3, 1, 100 * share))
    pin = first([row for row in run.ours if row.get("pin_seconds_per_gib") is not None])
    lines = lines or [Target(what, "s", 20, 13)]
    return [*lines, Target("pinning the host store, a GiB", "s", 0.1, None, pin and pin["pin_seconds_per_gib"])]


def _peer(row):
    if row is None:
        return ""
    return f"{row['method']} {row['ms_median']:.4g} ms"
