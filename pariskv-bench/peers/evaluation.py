#!/usr/bin/env python3
"""Makes docs/evaluation's records, tables and pictures of what gpu/run-eval and gpu/run-compare left. Needs nothing but Python.

Samples are too large to keep; a record has a line a cell, with a digit for each sample (1: right), so that methods can be compared
sample by sample. Without new results everything is made again of the records.
"""

import argparse
import json
import math
import sys
from collections import defaultdict
from operator import itemgetter
from pathlib import Path

import svg
from figures import InputError, read_lines
from report import table

HOME = Path(__file__).resolve().parent.parent.parent
DRIFT_PARTS = 16
Z95 = 1.959963984540054
T95 = (12.70620, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.30600, 2.26216)  # of Student's t for 1 to 9 degrees of freedom
MEASURES = {"recall": "recall", "head_recall": "headRecall", "mass": "mass", "error": "error"}  # of a selection: in a record, in samples
PUBLISHED_K = 100
DEFAULT_METHOD = "pariskv:sharp"  # what pairs are compared with


def main():
    parser = argparse.ArgumentParser(prog="evaluation.py", description=__doc__)
    parser.add_argument("--results", type=Path, help="what gpu/run-eval left: directories recall and drift of 'pariskv eval', or one of them")
    parser.add_argument("--add", action="store_true", help="keep recorded cells of recall that the new results do not have, or have fewer samples of")
    parser.add_argument("--compare", type=Path, help="compare.jsonl of gpu/run-compare, or what 'pariskv compare --json' printed")
    parser.add_argument("-o", "--out", type=Path, default=HOME / "docs/evaluation", help="records, report.md and pictures")
    parser.add_argument("--note", help="put above the tables, such as: a trial on a CPU, not a result")
    arguments = parser.parse_args()
    try:
        made = make(arguments)
    except InputError as e:
        sys.exit(f"evaluation: {e}")
    print(f"evaluation: {', '.join(made)} in {arguments.out}")


def make(arguments):
    """Writes everything; gives the names of the files."""
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    if arguments.results:
        new = [name for name in ("recall", "drift") if (arguments.results / name).is_dir()]
        if not new:
            raise InputError(f"{arguments.results}: has neither recall nor drift; give the directory that gpu/run-eval wrote")
        if "recall" in new:
            found = cells(arguments.results / "recall")
            write_lines(out / "recall.jsonl", joined(out / "recall.jsonl", found) if arguments.add else found)
        if "drift" in new:
            write_lines(out / "drift.jsonl", drift(arguments.results / "drift"))
            write_lines(out / "drift-answers.jsonl", long_answers(arguments.results / "drift"))
    if arguments.compare:
        write_lines(out / "compare.jsonl", read_lines(arguments.compare))
    recall, drifted, answers, compared = (read_lines(out / name) if (out / name).exists() else []
                                          for name in ("recall.jsonl", "drift.jsonl", "drift-answers.jsonl", "compare.jsonl"))
    files = pictures(recall, drifted)
    files["report.md"] = markdown(recall, drifted, answers, compared, files, arguments.note)
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")
    return sorted(files)


def joined(record, found):
    """The recorded cells, those that are found anew with as many samples or more replaced, and the others that are found."""
    key = itemgetter("task", "length", "method", "k")
    new = {key(row): row for row in found}
    recorded = read_lines(record)
    return [max(new.pop(key(row), row), row, key=lambda each: each.get("samples", 0)) for row in recorded] + list(new.values())


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


# Records


def samples(directory):
    lines = read_lines(directory / "samples.jsonl")
    if not lines:
        raise InputError(f"{directory / 'samples.jsonl'}: is empty; give the directory of a run that has samples")
    return lines


def cells(directory):
    """A row a cell: task, length, method and k; of samples or of why there are none."""
    found = defaultdict(list)
    for line in samples(directory):
        found[(line["cell"]["task"], line["cell"]["length"], line["cell"]["method"])].append(line)
    return [cell(*key, lines) for key, lines in found.items()]


def by_number(line):
    return len(line["id"]), line["id"]


def cell(task, length, label, lines):
    method, k = split(label)
    row = {"task": task, "length": length, "method": method, "k": k}
    answered = sorted((line for line in lines if line["kind"] == "sample"), key=by_number)
    if not answered:
        return row | {"refused": lines[0]["reason"]}
    scores = [line["outcome"]["score"] for line in answered]
    low, high = wilson(sum(scores), len(scores))
    costs = [line["cost"] for line in answered if line.get("cost")]
    agreements = [line["agreement"] for line in answered if line.get("agreement")]
    row |= {"samples": len(scores), "score": mean(scores), "low": round(low, 5), "high": round(high, 5),
            "failed": sum(line["outcome"].get("error") is not None for line in answered),
            "attended": mean([cost["attendedTokens"] for cost in costs]),
            "bytes": mean([cost["kvBytesPerToken"] + cost["summaryBytesPerToken"] for cost in costs]),
            "equal_tokens": mean([agreement["equalShare"] for agreement in agreements])}
    for measure in sorted({name for line in answered for name in line["outcome"]["measures"]}):
        row[measure] = mean([line["outcome"]["measures"][measure] for line in answered if measure in line["outcome"]["measures"]])
    if [line["id"] for line in answered] == [str(i) for i in range(len(answered))]:  # with a gap, digits would not be of the same samples
        row["right"] = "".join(str(int(score == 1)) for score in scores)
    return row | {name: answered[0]["origin"][name] for name in ("model", "modelSha256", "backend", "version")}


def split(label):
    """'pariskv:sharp k=8' is ('pariskv:sharp', 8)."""
    method, found, k = label.partition(" k=")
    return method, int(k) if found else None


def wilson(right, count):
    """The 95% interval of a share; scores of these tasks are 0 or 1."""
    share = right / count
    centre = share + Z95 ** 2 / (2 * count)
    spread = Z95 * math.sqrt(share * (1 - share) / count + Z95 ** 2 / (4 * count ** 2))
    return (centre - spread) / (1 + Z95 ** 2 / count), (centre + spread) / (1 + Z95 ** 2 / count)


def sign_test(first, second):
    """Two-sided p that a sample which only one of two methods has right is as often the one's as the other's."""
    count = first + second
    return min(1.0, 2 * sum(math.comb(count, i) for i in range(min(first, second) + 1)) / 2 ** count)


def mean(values):
    return round(sum(values) / len(values), 5) if values else None


def drift(directory):
    """A row a method and part of its steps: means over layers, KV heads and samples, and intervals of the samples' means."""
    points = defaultdict(lambda: defaultdict(list))  # by method and sample
    last = 0
    origin, length = {}, None
    for line in samples(directory):
        for point in line.get("retrieval", []):
            points[line["cell"]["method"]][line["id"]].append(point)
            last = max(last, point["step"])
        origin, length = line.get("origin", origin), line["cell"]["length"]
    rows = []
    width = max(1, math.ceil((last + 1) / DRIFT_PARTS))
    for method, by_sample in points.items():
        for part in range(DRIFT_PARTS):
            own = [found for each in by_sample.values() if (found := [point for point in each if point["step"] // width == part])]
            if own:
                row = {"method": method, "length": length, "from_step": part * width, "to_step": min((part + 1) * width, last + 1),
                       "points": sum(map(len, own)), "samples": len(own)}
                for name, of in MEASURES.items():
                    means = [sum(point[of] for point in found) / len(found) for found in own]
                    row[name] = mean(means)
                    if len(own) > 1:
                        row[f"{name}_low"], row[f"{name}_high"] = student(means, math.inf if name == "error" else 1)
                if all("keys" in point for found in own for point in found):
                    row["keys"] = mean([point["keys"] for found in own for point in found])
                rows.append(row | {name: origin.get(name) for name in ("model", "backend", "version")})
    return rows


def student(values, most):
    """The 95% interval of the mean of a few values from 0 to `most`, cut to what can be."""
    count = len(values)
    centre = sum(values) / count
    deviation = math.sqrt(sum((value - centre) ** 2 for value in values) / (count - 1))
    half = (T95[count - 2] if count - 2 < len(T95) else Z95) * deviation / math.sqrt(count)
    return round(max(0.0, centre - half), 5), round(min(most, centre + half), 5)


def long_answers(directory):
    """A row a method: how far each long answer is right, and how much of it is what full attention wrote."""
    answered = defaultdict(list)
    for line in samples(directory):
        if line["kind"] == "sample":
            answered[line["cell"]["method"]].append(line)
    for lines in answered.values():  # written in the order in which they ended
        lines.sort(key=by_number)
    return [{"method": method, "length": lines[0]["cell"]["length"], "samples": len(lines),
             "hops": [line["outcome"]["measures"].get("hops") for line in lines],
             "first_difference": [line["agreement"]["firstDifference"] if line.get("agreement") else None for line in lines],
             "equal_tokens": mean([line["agreement"]["equalShare"] for line in lines if line.get("agreement")]),
             "bytes": mean([line["cost"]["kvBytesPerToken"] + line["cost"]["summaryBytesPerToken"] for line in lines if line.get("cost")])}
            | {name: lines[0]["origin"][name] for name in ("model", "backend", "version")}
            for method, lines in answered.items()]


# Pictures


def pictures(recall, drifted):
    """File name to SVG."""
    files = {}
    order = distinct(row["method"] for row in recall + drifted)
    measured = [row for row in recall if "score" in row]
    longest = max((row["length"] for row in measured), default=0)
    for task in distinct(row["task"] for row in measured):
        rows = [row for row in measured if row["task"] == task]
        wide = [row for row in rows if row["k"] in (None, PUBLISHED_K)]
        files[f"{task}-lengths.svg"] = svg.shares(f"{task}, k = {PUBLISHED_K}: share of right answers", by_method(wide, "length"),
                                                  "tokens", "score", order=order)
        long = [row for row in rows if row["length"] == longest]
        ks = distinct(sorted(row["k"] for row in long if row["k"]))
        if len(ks) > 1:
            spread = [row | {"k": k} for row in long for k in ([row["k"]] if row["k"] else ks)]  # a method without k is a level line
            files[f"{task}-k.svg"] = svg.shares(f"{task}, {longest:,} tokens: share of right answers", by_method(spread, "k"), "keys", "score",
                                                order=order)
    for name, what in (("recall", "share of the best keys that are selected"), ("mass", "share of the exact attention that is attended"),
                       ("error", "relative error of the output")):
        ceiling = 1.25 * max((row[name] for row in drifted), default=0)  # bars of a few samples end where the axis does
        series = [(method, [(row["to_step"], row[name], row.get(f"{name}_low", row[name]), min(ceiling, row.get(f"{name}_high", row[name])))
                            for row in drifted if row["method"] == method])
                  for method in distinct(row["method"] for row in drifted)]
        if series:
            files[f"drift-{name}.svg"] = svg.shares(f"Generated tokens: {what}", series, "generated tokens", name, even=True, order=order)
    return files


def by_method(rows, x):
    return [(method, sorted((row[x], row["score"], row["low"], row["high"]) for row in rows if row["method"] == method))
            for method in distinct(row["method"] for row in rows)]


def distinct(values):
    return list(dict.fromkeys(values))


# Tables


def markdown(recall, drifted, answers, compared, files, note):
    """report.md."""
    def images(prefix):
        return "\n".join(f"![{name[:-4]}]({name})" for name in files if name.startswith(prefix))

    parts = ["# Methods beside each other", f"**{note}**" if note else "", circumstances(recall, drifted, compared),
             "This file is made by `pariskv-bench/peers/evaluation.py`; do not edit it. What the figures mean: [evaluation.md](../evaluation.md)."]
    for task in distinct(row["task"] for row in recall):
        rows = [row for row in recall if row["task"] == task]
        parts += [f"## {task}", score_table(rows), pair_table(rows), images(task + "-")]
    if drifted:
        parts += ["## Long answers", answers_table(answers) if answers else "", drift_table(drifted), images("drift-")]
    for held in distinct((row["context"], row["batch"], row["placement"]) for row in compared):
        rows = [row for row in compared if (row["context"], row["batch"], row["placement"]) == held]
        parts += [f"## Decode latency of one layer, {held[1]} x {held[0]:,} tokens, K and V in {held[2]} memory", latency_table(rows)]
    refused = [row for row in recall if "refused" in row]
    if refused:
        parts += ["## Not run", table(["task", "tokens", "method", "why"], "lrll",
                                      [[row["task"], f"{row['length']:,}", named(row), row["refused"]] for row in refused])]
    return "\n\n".join(part for part in parts if part) + "\n"


def circumstances(recall, drifted, compared):
    def of(rows, name):
        return ", ".join(distinct(str(row[name]) for row in rows if row.get(name))) or "not recorded"

    ran = recall + drifted
    said = []
    if ran:
        said.append(f"Answers: {of(ran, 'model')} on backend {of(ran, 'backend')}, {of(ran, 'version')}.")
    if compared:
        said.append(f"Latency: {of(compared, 'device')}, {of(compared, 'commit') if any(row.get('commit') for row in compared) else of(compared, 'version')}.")
    return " ".join(said)


def named(row):
    return row["method"] + (f", k = {row['k']}" if row.get("k") else "")


def score_table(rows):
    """A row a method and k, a column a length; a cell is the score and its interval."""
    rows = [row for row in rows if "score" in row]
    lengths = sorted({row["length"] for row in rows})
    lines = []
    for name in distinct(map(named, rows)):
        own = {row["length"]: row for row in rows if named(row) == name}
        longest = own[max(own)]
        lines.append([name] + [f"{own[length]['score']:.2f} ({own[length]['low']:.2f} to {own[length]['high']:.2f})" if length in own else "–"
                               for length in lengths]
                     + [f"{longest['attended']:,.0f}" if longest["attended"] is not None else "–",
                        f"{longest['equal_tokens']:.3f}" if longest["equal_tokens"] is not None else "–",
                        str(sum(row["failed"] for row in own.values())), counts(row["samples"] for row in own.values())])
    return table(["method"] + [f"{length:,} tokens" for length in lengths] + ["attended at the longest", "equal to full", "failed", "samples a cell"],
                 "l" + "r" * (len(lengths) + 4), lines)


def pair_table(rows):
    """A row a method and k, a column a length; a cell is how many samples only this method has right, and only the default."""
    rows = [row for row in rows if "right" in row]
    lengths = sorted({row["length"] for row in rows})
    ks = sorted({row["k"] for row in rows if row["k"]})
    default = {(row["length"], row["k"]): row["right"] for row in rows if row["method"] == DEFAULT_METHOD}
    lines = []
    for k in distinct(ks[:1] + ks[-1:]):
        for method in distinct(row["method"] for row in rows if row["method"] not in (DEFAULT_METHOD, "window")):
            own = {row["length"]: row["right"] for row in rows if row["method"] == method and row["k"] in (k, None)}
            cells = [pair(own.get(length), default.get((length, k))) for length in lengths]
            if set(cells) != {"–"}:
                lines.append([method, str(k)] + cells)
    if not lines:
        return ""
    return (f"Sample by sample against `{DEFAULT_METHOD}` with the same k: how many only this method has right, how many only `{DEFAULT_METHOD}`, and the p of "
            "the two-sided sign test. It is not corrected for the number of comparisons: one in twenty is below 0.05 by chance.\n\n"
            + table(["method", "k"] + [f"{length:,} tokens" for length in lengths], "lr" + "r" * len(lengths), lines))


def pair(right, other):
    if right is None or other is None or len(right) != len(other):
        return "–"
    only, lost = (sum(a > b for a, b in zip(*both)) for both in ((right, other), (other, right)))
    p = sign_test(only, lost)
    return f"{only} : {lost}, " + (f"p = {p:.2f}" if p >= 0.01 else f"p = {p:.3f}" if p >= 0.001 else "p < 0.001")


def counts(values):
    values = sorted(set(values))
    return str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}"


def drift_table(rows):
    """The first, middle and last part of each method's steps."""
    lines = []
    for method in distinct(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        for row in [own[i] for i in sorted({0, len(own) // 2, len(own) - 1})]:
            lines.append([method, f"{row['from_step']:,} to {row['to_step']:,}"] + [with_interval(row, name) for name in MEASURES]
                         + [str(row["samples"]) if "samples" in row else "–", str(row["points"])])
    return ("Means over layers and KV heads; intervals are 95%, Student's t over the answers, since steps of one are alike.\n\n"
            + table(["method", "generated tokens", "recall by the mean query", "by each head", "attention mass", "error", "answers", "points"], "lrrrrrrr",
                    lines))


def with_interval(row, name):
    """Older records have none."""
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    return f"{row[name]:.3f}" + (f" ({low:.3f} to {high:.3f})" if low is not None else "")


def answers_table(rows):
    """A row a method; a cell has a number for each answer."""
    def each(values):
        return ", ".join("–" if value is None else f"{value:,.0f}" for value in values)

    return table(["method", "hops until the first error", "first token unlike full", "equal to full", "MB read a token"], "lrrrr",
                 [[row["method"], each(row["hops"]), each(row["first_difference"]),
                   "–" if row["equal_tokens"] is None else f"{row['equal_tokens']:.3f}", "–" if row["bytes"] is None else f"{row['bytes'] / 1e6:.1f}"]
                  for row in rows])


def latency_table(rows):
    lines = []
    for row in rows:
        head = [row["method"], row["settings"], str(row["k"] or "")]
        if "error" in row:
            lines.append(head + ["not measured: " + row["error"]] + [""] * 7)
            continue
        lines.append(head + [f"{row['attended_tokens']:,.0f}", f"{row['ms_median']:.4f}", f"{row['ms_p5']:.4f} to {row['ms_p95']:.4f}",
                             ratio(row["full_over_this"]), ratio(row["this_over_pariskv"]), f"{row['index_bytes'] / 1e6:.2f}",
                             over_bus(row), f"{row['index_ms']:.1f}" + ("" if row["recorded"] else ", not recorded")])
    return table(["method", "settings", "k", "attended", "ms", "p5 to p95", "full / this", "this / pariskv", "MB of index", "MB over PCIe",
                  "index, ms"], "llrrrrrrrrr", lines)


def over_bus(row):
    """Older lines do not tell the bytes of sink and window, which only a method whose window grows with the prompt fetches."""
    window = row.get("pcie_window_bytes")
    return f"{row['pcie_bytes'] / 1e6:.2f}" + (f", {window / 1e6:.2f} of them the window's" if window else "")


def ratio(value):
    return "–" if value is None else f"{value:.2f}x" if value < 1 else f"{value:.1f}x" if value < 100 else f"{value:,.0f}x"


if __name__ == "__main__":
    main()
