"""Reads bench.jsonl (ours) and peers.jsonl (theirs); of the same figure measured again, the last line counts."""

import json
import re

SHAPE_8B = "llama-3.1-8b"
SHAPE_3B = "llama-3.2-3b"
LAYER = "32 heads, 8 KV heads, 128, bf16"
KINDS = ("attention", "linear", "model")


class InputError(Exception):
    """A file that cannot be read as what it should be; one line for the user."""


def read_lines(path):
    """The JSON objects of a file, one a line."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.readlines()
    except OSError as e:
        raise InputError(f"{path}: {e.strerror}") from e
    objects = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as e:
            raise InputError(f"{path}, line {number}: not JSON ({e})") from e
        if not isinstance(value, dict):
            raise InputError(f"{path}, line {number}: a JSON object is expected")
        objects.append(value)
    return objects


def read_bench(path):
    """Our rows: what `bench` printed, each with its circumstances and its `kind`; other benchmarks are passed over."""
    rows = []
    for number, line in enumerate(read_lines(path), 1):
        result = line.get("result")
        if not isinstance(result, dict) or not isinstance(line.get("command"), str):
            raise InputError(f"{path}, figure {number}: needs 'command' and 'result'")
        rows += [row for row in _rows_of(line, result) if row["kind"] in KINDS and "ms_median" in row]
    return _latest(rows, ("kind", "method", "shape", "context", "batch", "k", "kv_placement", "row_cache", "query_correlation", "prefilled",
                          "mixed"))


def read_peers(path):
    """Their rows; those that failed or were skipped too."""
    rows = [{"device": None, "driver": None, "commit": None} | line for line in read_lines(path)]
    return _latest(rows, ("what", "method", "shape", "context", "batch"))


def _rows_of(line, result):
    words = line["command"].split()
    kind = next((word for word in words if word != "bench"), "")
    device, _, driver = line.get("gpu", "").rpartition(", ")
    k = int(words[words.index("--k") + 1].split(",")[0]) if "--k" in words[:-1] else 100
    rows = []
    for row in result.get("rows", [result] if "ms_median" in result else []):
        row = {"kind": kind, "device": device or None, "driver": driver or None, "commit": line.get("commit"),
               "command": line["command"], "shape": result.get("shape"), "batch": result.get("batch", 1),
               "read_gb_s": result.get("read_gb_s"), "query_correlation": result.get("query_correlation"), "context": None, "method": kind, "kv_placement": None} | row
        if kind == "attention":
            row["shape"] = _layer_shape(row["shape"])
        if kind == "model" and row["method"] == "pariskv":
            row["method"] += _differing(words)
        row.setdefault("k", k if row["method"].startswith("pariskv") else None)
        row["kv_placement"] = row["kv_placement"] or row.get("placement")
        row["prefilled"] = bool(row.get("prefill_seconds"))
        row["mixed"] = len({sequence.get("tokens") for sequence in row.get("sequences", [])}) > 1
        prefill = row.get("prefill") or {}
        row.setdefault("encode_offload_share", prefill.get("share_over_reference"))
        rows.append(row)
    return rows


def _differing(words):
    """What a command's settings add to the name of a method, as rows of `bench attention` have it already."""
    given = {flag: words[words.index(flag) + 1] for flag in ("--preset", "--group") if flag in words[:-1]}
    return "".join(f" {value}" for value in given.values() if value not in ("paper", "mean"))


def _layer_shape(text):
    """KvShape as Java prints it, in the words of docs/performance/history.jsonl."""
    found = {name: value for name, value in re.findall(r"(\w+)=(\w+)", str(text))}
    if not {"heads", "kvHeads", "headDim", "dtype"} <= found.keys():
        return text
    return f"{found['heads']} heads, {found['kvHeads']} KV heads, {found['headDim']}, {found['dtype'].lower()}"


def _latest(rows, names):
    by_key = {}
    for row in rows:
        key = tuple(row.get(name) for name in names)
        by_key.pop(key, None)
        by_key[key] = row
    return list(by_key.values())


class Run:
    """What was measured, to be asked for by what it is."""

    def __init__(self, ours, theirs):
        self.ours = ours
        self.theirs = [row for row in theirs if "ms_median" in row]
        self.without = [row for row in theirs if "ms_median" not in row]

    def our(self, kind, **wanted):
        """The rows of ours that have these fields, by batch, context and placement."""
        return sorted(_matching([row for row in self.ours if row["kind"] == kind], wanted), key=_size)

    def peer(self, method, **wanted):
        """The rows of one peer, by batch and context; the fastest first where several are of one size."""
        rows = _matching([row for row in self.theirs if row["method"] == method], wanted)
        return sorted(rows, key=lambda row: (_size(row), row["ms_median"]))

    def ceiling(self, what):
        """GB/s of the machine, or None."""
        found = self.peer("ceiling", what=what)
        return found[0]["gb_s"] if found else None

    def read_gb_s(self):
        """How fast device memory is read: the better of PyTorch's reductions and our own matrix read."""
        known = [self.ceiling("device memory read")] + [row.get("read_gb_s") for row in self.ours]
        return max((rate for rate in known if rate), default=None)

    def floor_us(self, row):
        """Microseconds that the bytes take at the machine's bandwidths, device memory and bus one after the other."""
        read, bus = self.read_gb_s(), self.ceiling("host to device copy, pinned")
        moved, over_bus = row.get("bytes") or 0, row.get("pcie_bytes") or 0
        if not read or (over_bus and not bus):
            return None
        return moved / read / 1e3 + (over_bus / bus / 1e3 if over_bus else 0)


def first(rows):
    """The first, or None."""
    return rows[0] if rows else None


def _matching(rows, wanted):
    return [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]


def _size(row):
    return row.get("batch") or 0, row.get("context") or 0, row.get("kv_placement") or ""
