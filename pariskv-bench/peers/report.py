#!/usr/bin/env python3
"""Puts our figures beside those of others: tables, pictures and rows for the history. Needs nothing but Python."""

import argparse
import json
import sys
from datetime import datetime, timezone
from pathlib import Path

import svg
from figures import LAYER, SHAPE_8B, InputError, Run, first, read_bench, read_lines, read_peers
from targets import LONG, MILLION, sdpa, targets

HOME = Path(__file__).resolve().parent.parent.parent
LAYERS_8B = 32
PLACES = {"device": "GPU", "host": "host"}
SKIPPED_WORDS = 120


def main():
    parser = argparse.ArgumentParser(prog="report.py", description=__doc__)
    parser.add_argument("--bench", type=Path, required=True, help="bench.jsonl of gpu/run-bench")
    parser.add_argument("--peers", type=Path, required=True, help="peers.jsonl of gpu/run-peers, of the same GPU")
    parser.add_argument("-o", "--out", type=Path, default=HOME / "docs/performance/gpu", help="gets report.md and the pictures")
    parser.add_argument("--history", type=Path, default=HOME / "docs/performance/history.jsonl", help="gets a row a figure")
    parser.add_argument("--date", help="of our figures in the history (default: that of the peers' run, or today)")
    arguments = parser.parse_args()
    try:
        run = Run(read_bench(arguments.bench), read_peers(arguments.peers))
        refuse_mixed(run)
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "report.md").write_text(markdown(run), encoding="utf-8")
        for name, picture in pictures(run).items():
            (arguments.out / name).write_text(picture, encoding="utf-8")
        added = append_history(run, arguments.history, arguments.date)
    except InputError as e:
        sys.exit(f"report: {e}")
    print(f"report: {arguments.out}/report.md, {', '.join(pictures(run))}; {added} rows added to {arguments.history}")


def refuse_mixed(run):
    """A ratio of figures of two GPUs says nothing."""
    devices = sorted({row["device"] for row in run.ours + run.theirs if row.get("device")})
    if len(devices) > 1:
        raise InputError(f"figures of {len(devices)} devices ({'; '.join(devices)}); give files of one run on one GPU")


def markdown(run):
    """report.md."""
    parts = [
        "# Ours beside others, in one run on one GPU", circumstances(run),
        "This file is made by `pariskv-bench/peers/report.py`; do not edit it. What the figures mean: [performance.md](../../performance.md).",
        "## Targets", target_table(run),
        "## Decode attention, one layer", attention_table(run), "![ms a layer against context](attention.svg)",
        "Ratios are PyTorch's time over ours: above 1 ours is faster. The floor is what the bytes take at the bandwidths measured below.",
        "## Where a ParisKV layer's time goes", stage_table(run), "![stages](stages.svg)",
        "## Where a step of the 8B shape goes", step_table(run), "![a step](step.svg)",
        "## Linear layers of one token, 8B shape", linear_table(run),
        "## Whole models", model_table(run),
        "## Prefill attention and Hugging Face transformers", other_table(run),
        "## What the machine gives", ceiling_table(run),
        "## What each peer tried", variant_table(run),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def circumstances(run):
    def of(rows, name):
        return ", ".join(sorted({str(row[name])[:12 if name == "commit" else None] for row in rows if row.get(name)})) or "not recorded"

    return (f"{of(run.ours + run.theirs, 'device')}, driver {of(run.ours + run.theirs, 'driver')}. Ours: commit {of(run.ours, 'commit')}. "
            f"Peers: PyTorch {of(run.theirs, 'torch')}, measured {of(run.theirs, 'date')}. Medians.")


def target_table(run):
    rows = [[each.what, _number(each.measured, each.unit), _number(each.reach, each.unit), _number(each.aim, each.unit),
             f"**{each.verdict()}**" if each.measured is not None else each.verdict(), each.peer] for each in targets(run)]
    return table(["what", "measured", "reach", "aim", "verdict", "peer"], "lrrrll", rows)


def attention_table(run):
    rows = []
    for ours in run.our("attention"):
        theirs = sdpa(run, ours["context"], ours["batch"]) if ours["shape"] == LAYER else None
        rows.append([f"{ours['batch']} x {ours['context']:,}", _method(ours), _ms(ours["ms_median"]), _ms(ours["ms_p95"]), _us(run.floor_us(ours)),
                     _ms(theirs and theirs["ms_median"]), theirs["variant"] if theirs else "–",
                     f"{theirs['ms_median'] / ours['ms_median']:.2f}x" if theirs else "–"])
    return table(["tokens", "ours", "ms", "p95", "floor, us", "PyTorch SDPA, ms", "by", "ratio"], "llrrrrlr", rows)


def stage_table(run):
    rows = []
    for ours in (row for row in run.our("attention") if row["method"].startswith("pariskv")):
        for stage in ours.get("stages", []):
            rows.append([f"{ours['batch']} x {ours['context']:,}", _method(ours), stage["name"], f"{1e3 * stage['ms']:.1f}",
                         f"{100 * stage['ms'] / ours['ms_median']:.0f}%", _us(run.floor_us(stage)), _mb(stage.get("bytes")),
                         _mb(stage.get("pcie_bytes")), f"{100 * stage['bandwidth_share']:.0f}%" if stage.get("bandwidth_share") else "–"])
    return table(["tokens", "method", "stage", "us", "of the layer", "floor, us", "MB", "MB over the bus", "of read bandwidth"], "lllrrrrrr", rows)


def steps(run):
    """(row, its parts in ms) of every 8B step at batch 1 whose linear layers and attention were measured too."""
    linear = first(run.our("linear", shape=SHAPE_8B, batch=1)) or first(run.our("linear", batch=1))
    found = []
    for row in run.our("model", shape=SHAPE_8B, batch=1, prefilled=False):
        layer = first(run.our("attention", method=row["method"], shape=LAYER, batch=1, context=row["context"], k=row["k"],
                              kv_placement=row["kv_placement"]))
        if not linear or not layer:
            continue
        parts = [("linear layers", linear["ms_median"])]
        parts += [(stage["name"], LAYERS_8B * stage["ms"]) for stage in layer.get("stages", [])]
        parts.append(("everything else", row["ms_median"] - sum(ms for _, ms in parts)))
        found.append((row, parts))
    return found


def step_table(run):
    rows = [[f"{row['context']:,}", _method(row), name, _ms(ms), f"{100 * ms / row['ms_median']:.0f}%"]
            for row, parts in steps(run) for name, ms in parts]
    return table(["tokens", "method", "part", "ms", "of the step"], "lllrr", rows)


def linear_table(run):
    rows = []
    for ours in run.our("linear"):
        theirs = first(run.peer("cublas-linear", batch=ours["batch"]))
        rows.append([ours["batch"], _ms(ours["ms_median"]), _ms(ours["ms_p95"]), _rate(ours), _ms(theirs and theirs["ms_median"]), _rate(theirs),
                     theirs["variant"] if theirs else "–", f"{theirs['ms_median'] / ours['ms_median']:.2f}x" if theirs else "–"])
    return table(["batch", "ours, ms", "p95", "GB/s", "cuBLAS, ms", "GB/s", "by", "ratio"], "rrrrrrlr", rows)


def model_table(run):
    rows = []
    for row in sorted(run.our("model"), key=lambda row: row["shape"]):
        share = row.get("encode_offload_share")
        rows.append([row["shape"], f"{row['batch']} x {'up to ' if row['mixed'] else ''}{row['context']:,}", _method(row),
                     _ms(row["ms_median"]), _ms(row["ms_p95"]), f"{row['batch'] * 1e3 / row['ms_median']:.1f}",
                     f"{row['prefill_seconds']:.1f}" if row["prefilled"] else "filled", "–" if share is None else f"{100 * share:.1f}%",
                     _mb(row.get("bus_bytes_per_step")), _gib(row.get("gpu_bytes")), _gib(row.get("pinned_bytes"))])
    heads = ["shape", "tokens", "method", "ms", "p95", "tokens/s", "prefill, s", "index and offload", "MB over the bus", "GPU, GiB", "pinned, GiB"]
    return table(heads, "lllrrrrrrrr", rows)


def other_table(run):
    theirs = run.peer("torch-sdpa", what="prefill attention, one layer, causal") + run.peer("hf-transformers")
    rows = [[row["method"], row["what"], f"{row['context']:,}", _ms(row["ms_median"]), _ms(row["ms_p95"]),
             _tflops(row), row.get("variant", "–")] for row in theirs]
    return table(["peer", "what", "tokens", "ms", "p95", "TFLOP/s", "by"], "llrrrrl", rows)


def ceiling_table(run):
    rows = [[row["what"], _ms(row["ms_median"]), _rate(row), _tflops(row), row.get("variant") or row.get("note", "")]
            for row in run.peer("ceiling")]
    ours = first([row for row in run.ours if row.get("read_gb_s")])
    if ours:
        rows.append(["device memory read, by our matrix product of one row", "–", f"{ours['read_gb_s']:,.0f}", "–", ""])
    return table(["what", "ms", "GB/s", "TFLOP/s", "by"], "lrrrl", rows)


def variant_table(run):
    def said(result):
        return result[:SKIPPED_WORDS] if isinstance(result, str) else f"{result:.4g} ms"

    rows = [[row["method"], row["what"], _size(row), name, said(result)]
            for row in run.theirs if row["method"] != "ceiling" for name, result in row.get("others", {}).items()]
    rows += [[row.get("method", ""), row["what"], _size(row), "", (row.get("error") or row.get("skipped") or "no figure")[:SKIPPED_WORDS]]
             for row in run.without]
    return table(["peer", "what", "tokens", "variant", "median, or why not"], "lllll", rows)


def pictures(run):
    """File name to SVG."""
    bars = [(f"{ours['context']:,}, K and V: {PLACES.get(ours['kv_placement'], '?')}",
             [(stage["name"], 1e3 * stage["ms"]) for stage in ours.get("stages", [])], _beside(run, ours))
            for ours in run.our("attention", method="pariskv", shape=LAYER, batch=1, k=100) if ours["context"] in (LONG, MILLION)]
    whole = [(f"{row['method']} {row['context']:,}, {PLACES.get(row['kv_placement'], '?')}", parts, "") for row, parts in steps(run)]
    device = ", ".join(sorted({row["device"] for row in run.ours if row.get("device")})) or "no device"
    attention = f"Decode attention of one layer, batch 1, {device} (lower is better)"
    return {
        "stages.svg": svg.stacked_bars(f"Microseconds of a ParisKV layer at decode, k = 100, batch 1, {device}", bars, "us"),
        "step.svg": svg.stacked_bars(f"Milliseconds of a decode step of the Llama-3.1-8B shape, batch 1, {device}", whole, "ms"),
        "attention.svg": svg.lines(attention, series(run), "tokens of context", "ms a layer"),
    }


def series(run):
    """(name, [(context, ms), ...]) of PyTorch and of ours, at batch 1."""
    named = {"PyTorch SDPA": run.peer("torch-sdpa", what="decode attention, one layer", shape=LAYER, batch=1),
             "ours, full": run.our("attention", method="full", shape=LAYER, batch=1, kv_placement="device"),
             "ParisKV, K and V on GPU": run.our("attention", method="pariskv", shape=LAYER, batch=1, k=100, kv_placement="device"),
             "ParisKV, K and V on host": run.our("attention", method="pariskv", shape=LAYER, batch=1, k=100, kv_placement="host")}
    return [(name, [(row["context"], row["ms_median"]) for row in rows]) for name, rows in named.items() if rows]


def append_history(run, path, date):
    """Adds a row a figure, unless the same row is there; gives how many."""
    today = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    peers_date = next((row["date"] for row in run.theirs if row.get("date")), today)
    commit = next((row["commit"] for row in run.ours if row.get("commit")), None)
    rows = [history_row(row, date or peers_date, row["commit"], _what(row)) for row in run.ours]
    rows += [history_row(row, row.get("date") or peers_date, row.get("commit") or commit, row["what"]) for row in run.theirs]
    there = {json.dumps(row, sort_keys=True) for row in read_lines(path)} if path.exists() else set()
    new = [row for row in rows if json.dumps(row, sort_keys=True) not in there]
    with open(path, "a", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in new)
    return len(new)


def history_row(row, date, commit, what):
    """The fields of docs/performance/history.jsonl; those that a kind of figure has not are left out after the first ones."""
    line = {"date": date, "commit": commit and commit[:7], "device": row["device"], "driver": row["driver"], "what": what, "method": row["method"],
            "shape": row["shape"], "context": row["context"], "batch": row["batch"], "k": row.get("k")}
    if row.get("kv_placement"):
        line["placement"] = row["kv_placement"]
    line |= {"ms_median": round(row["ms_median"], 5), "ms_p95": round(row["ms_p95"], 5), "bytes": row.get("bytes")}
    for name in ("pcie_bytes", "tflop_s", "variant", "prefill_seconds", "encode_offload_share", "bus_bytes_per_step", "gpu_bytes", "pinned_bytes",
                 "pin_seconds_per_gib", "query_correlation", "selection_overlap", "row_cache",
                 "row_cache_hit_rate"):
        if row.get(name) is not None:
            line[name] = row[name]
    if row.get("stages"):
        line["stages_us"] = {stage["name"]: round(1e3 * stage["ms"], 2) for stage in row["stages"]}
    return line


def _what(row):
    if row["kind"] == "model":
        return "model decode step" + (", prefilled" if row["prefilled"] else "") + (", mixed lengths" if row["mixed"] else "")
    return {"attention": "decode attention, one layer", "linear": "linear layers of one token"}[row["kind"]]


def table(heads, aligned, rows):
    """A Markdown table; `aligned` has an l or r for each column."""
    if not rows:
        return "Not in this run."
    rule = {"l": "---", "r": "---:"}
    lines = [heads, [rule[each] for each in aligned], *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "/").replace("\n", " ") for cell in line) + " |" for line in lines)


def _beside(run, ours):
    theirs = sdpa(run, ours["context"], ours["batch"])
    floor = run.floor_us(ours)
    return ", ".join(text for text in (f"PyTorch SDPA, full attention: {1e3 * theirs['ms_median']:.0f} us" if theirs else "",
                                       f"what ParisKV moves, at the machine's bandwidth: {floor:.1f} us" if floor else "") if text)


def _method(row):
    k = f", k = {row['k']}" if row.get("k") else ""
    cache = row.get("row_cache_hit_rate")
    cached = "" if cache is None else f", {100 * cache:.0f}% of rows cached"
    return f"{row['method']}{k}, {PLACES.get(row['kv_placement'], '')}".rstrip(", ") + cached


def _size(row):
    return f"{row.get('batch', 1)} x {row['context']:,}" if row.get("context") else f"batch {row.get('batch', 1)}"


def _ms(value):
    return "–" if value is None else f"{value:.4f}" if value < 1 else f"{value:.3f}" if value < 10 else f"{value:.1f}"


def _us(value):
    return "–" if value is None else f"{value:.1f}"


def _mb(value):
    return f"{value / 1e6:.2f}" if value else "–"


def _gib(value):
    return f"{value / 2**30:.1f}" if value else "–"


def _tflops(row):
    return f"{row['tflop_s']:.0f}" if row.get("tflop_s") else "–"


def _rate(row):
    rate = row and (row.get("gb_s") or ((row.get("bytes") or 0) / row["ms_median"] / 1e6))
    return f"{rate:,.0f}" if rate else "–"


def _number(value, unit):
    if value is None:
        return "–"
    return f"{value:.2f}x" if unit == "x" else f"{value:.1f}%" if unit == "%" else f"{value:.4g} {unit}"


if __name__ == "__main__":
    main()
