"""Made-up figures through the report: python3 -m unittest, in this folder."""

import json
import tempfile
import unittest
import xml.dom.minidom
from pathlib import Path

import report
import svg
from figures import InputError, Run, read_bench, read_peers
from targets import Target, targets

GPU = "NVIDIA H100 80GB HBM3, 580.159.04"
JAVA_SHAPE = "KvShape[layers=1, heads=32, kvHeads=8, headDim=128, dtype=BF16, windows=[0]]"


def attention(method="pariskv", context=131_072, ms=0.08, placement="host", batch=1, k=100):
    stages = [{"name": "vote+histogram", "ms": ms / 4, "bytes": 16_000_000, "pcie_bytes": 0, "bandwidth_share": 0.5},
              {"name": "fetch+attend", "ms": ms * 3 / 4, "bytes": 1_000_000, "pcie_bytes": 409_600, "bandwidth_share": 0.1}]
    row = {"method": method, "context": context, "batch": batch, "k": None if method == "full" else k, "kv_placement": placement, "layers": 2,
           "ms_median": ms, "ms_p95": ms * 1.1, "bytes": 17_000_000, "pcie_bytes": 409_600, "attended_tokens": 479.0,
           "stages": stages if method == "pariskv" else stages[1:]}
    return bench("bench attention --json", {"shape": JAVA_SHAPE, "read_gb_s": 2_900.0, "rows": [row]})


def linear(ms=5.5):
    return bench("bench linear --shape llama-3.1-8b",
                 {"shape": "llama-3.1-8b", "rows": [{"batch": 1, "ms_median": ms, "ms_p95": 5.6, "bytes": 15_000_000_000}]})


def model(method="pariskv", ms=8.0, shape="llama-3.1-8b", context=131_072, batch=1, prefill=0.0, placement="host", prefill_more=None, flags="",
          **more):
    row = {"method": method, "context": context, "kv_placement": placement, "prefill_seconds": prefill, "ms_median": ms, "ms_p95": ms + 0.1,
           "batch": batch, "gpu_bytes": 1 << 34, "pinned_bytes": 1 << 34, "sequences": [{"tokens": context, "attended_tokens": 479.0}] * batch}
    if prefill_more:
        row["prefill"] = prefill_more
    return bench(f"bench model --shape {shape} --method {method}{flags}", {"shape": shape, "rows": [row | more]})


def bench(command, result, commit="0123456789abcdef"):
    return {"command": command, "gpu": GPU, "commit": commit, "result": result}


def peer(what, method, ms, shape="32 heads, 8 KV heads, 128, bf16", context=131_072, batch=1, **more):
    return {"what": what, "method": method, "shape": shape, "context": context, "batch": batch, "ms_median": ms, "ms_p95": ms, "bytes": 536_870_912,
            "gb_s": 2_500.0, "device": "NVIDIA H100 80GB HBM3", "driver": "580.159.04", "torch": "2.11.0", "date": "2026-11-23",
            "variant": "flash", "others": {"flash": ms, "cudnn": "RuntimeError: no | such backend"}} | more


def sdpa(ms=0.2, **more):
    return peer("decode attention, one layer", "torch-sdpa", ms, **more)


class ReportTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_of(self, ours, theirs):
        return Run(read_bench(self.write("bench.jsonl", ours)), read_peers(self.write("peers.jsonl", theirs)))

    def write(self, name, lines):
        path = self.folder / name
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return path

    def verdicts(self, ours, theirs):
        return {target.what: target.verdict() for target in targets(self.run_of(ours, theirs))}

    def test_a_target_is_missed_met_or_its_aim_is(self):
        self.assertEqual("missed", Target("t", "ms", 8, 5, 8.1).verdict())
        self.assertEqual("met", Target("t", "ms", 8, 5, 8.0).verdict())
        self.assertEqual("aim met", Target("t", "ms", 8, 5, 5.0).verdict())
        self.assertEqual("missed", Target("t", "x", 3, 4, 2.9, more_is_better=True).verdict())
        self.assertEqual("aim met", Target("t", "x", 3, 4, 4.0, more_is_better=True).verdict())
        self.assertEqual("met", Target("t", "x", 3, None, 9.0, more_is_better=True).verdict())

    def test_without_a_figure_no_target_is_judged(self):
        self.assertEqual({"not in this run"}, set(self.verdicts([], []).values()))

    def test_attention_is_judged_by_time_and_by_ratio_to_the_peer(self):
        found = self.verdicts([attention(ms=0.07), attention("full", ms=0.24, placement="device")], [sdpa(0.2)])
        layer = "ParisKV decode attention of a layer, K and V in host memory, k = 100, 131,072"
        self.assertEqual("met", found[layer])
        self.assertEqual("missed", found["full decode attention, 1 x 131,072: time against PyTorch SDPA"])
        ratios = [target for target in targets(self.run_of([attention(ms=0.07)], [sdpa(0.2)])) if "times faster" in target.what]
        self.assertAlmostEqual(0.2 / 0.07, ratios[0].measured)
        self.assertIsNone(ratios[1].measured)

    def test_whole_models_are_found_by_shape_batch_and_length(self):
        found = self.verdicts([model(ms=6.9), model("full", 14, placement="device"), model(batch=4, ms=10),
                               model("full", 40, batch=4, placement="device"), model(batch=8, ms=16), model(shape="llama-3.2-3b", context=1_000_000, ms=9.9),
                               model(prefill=19.0, prefill_more={"share_over_reference": 0.02}),
                               model("full", 14, prefill=18.0, placement="device", prefill_more={"share_over_reference": 0.0})], [])
        self.assertEqual("aim met", found["decode step of the 8B shape at 128K, ParisKV, K and V on the host"])
        self.assertEqual("not in this run", found["decode step of the 8B shape at 128K, ParisKV, K and V on the GPU"])
        self.assertEqual("missed", found["decode step of the 8B shape at 128K, full"])
        self.assertEqual("aim met", found["tokens a second at 128K, batch 4: ParisKV over full"])
        self.assertEqual("met", found["tokens a second at 128K, batch 8, ParisKV"])
        self.assertEqual("aim met", found["1M tokens, Llama-3.2-3B shape"])
        self.assertEqual("met", found["prefill of 128K tokens, 8B shape, pariskv, K and V on the host"])
        self.assertEqual("met", found["index building and offload, share of prefill time"])

    def test_a_batch_of_mixed_lengths_is_judged_by_no_target(self):
        mixed = model(batch=8, ms=1, sequences=[{"tokens": tokens} for tokens in (131_072, 5)])
        run = self.run_of([mixed], [])
        self.assertEqual({"not in this run"}, {target.verdict() for target in targets(run)})
        self.assertIn("| 8 x up to 131,072 |", report.model_table(run))

    def test_the_last_line_of_a_figure_counts(self):
        run = self.run_of([attention(ms=0.09), attention(ms=0.07)], [sdpa(0.3), sdpa(0.2)])
        self.assertEqual([0.07], [row["ms_median"] for row in run.our("attention")])
        self.assertEqual([0.2], [row["ms_median"] for row in run.peer("torch-sdpa")])

    def test_the_floor_adds_memory_and_bus(self):
        ceilings = [peer("device memory read", "ceiling", 1, context=None, gb_s=3_000.0),
                    peer("host to device copy, pinned", "ceiling", 1, context=None, gb_s=50.0)]
        run = self.run_of([attention()], ceilings)
        self.assertAlmostEqual(17e6 / 3e6 + 409_600 / 5e4, run.floor_us(run.ours[0]))
        self.assertIsNone(self.run_of([attention()], []).floor_us(run.ours[0]))

    def test_a_step_is_linear_layers_attention_and_the_rest(self):
        run = self.run_of([attention(ms=0.08), linear(5.5), model(ms=8.5)], [])
        (row, parts), = report.steps(run)
        self.assertEqual(8.5, row["ms_median"])
        self.assertEqual(["linear layers", "vote+histogram", "fetch+attend", "everything else"], [name for name, _ in parts])
        self.assertAlmostEqual(8.5 - 5.5 - 32 * 0.08, parts[-1][1])

    def test_presets_and_ways_to_group_are_rows_of_their_own(self):
        run = self.run_of([attention(ms=0.08), attention("pariskv sharp", ms=0.06), linear(5.5), model(ms=8.5),
                           model(ms=7.5, flags=" --preset sharp --group mean")], [])
        self.assertEqual([("pariskv", 100, 8.5), ("pariskv sharp", 100, 7.5)], [(row["method"], row["k"], row["ms_median"]) for row, _ in report.steps(run)])
        self.assertEqual([8.5], [row["ms_median"] for row in run.our("model", method="pariskv")])
        self.assertIn("| 1 x 131,072 | pariskv sharp, k = 100, host | 0.0600 |", report.markdown(run))

    def test_the_report_has_every_table_and_says_what_failed(self):
        failed = {"what": "model decode step", "method": "hf-transformers", "shape": "llama-3.1-8b", "context": 131_072, "batch": 1,
                  "skipped": "no | module"}
        text = report.markdown(self.run_of([attention(), linear(), model()], [sdpa(), failed, {"what": "prefill", "error": "the part ended"}]))
        self.assertIn("| 1 x 131,072 | pariskv, k = 100, host | 0.0800 |", text)
        self.assertIn("2.50x", text)
        self.assertIn("no / module", text)
        self.assertIn("the part ended", text)
        for line in text.split("\n"):
            if line.startswith("|"):
                self.assertTrue(line.endswith("|"), line)

    def test_pictures_are_xml_also_without_figures(self):
        full = self.run_of([attention(), attention(context=1_048_576, ms=0.3), linear(), model()], [sdpa(), sdpa(1.4, context=1_048_576)])
        for run in (full, self.run_of([], [])):
            for name, picture in report.pictures(run).items():
                with self.subTest(name):
                    xml.dom.minidom.parseString(picture)
        self.assertIn("vote+histogram", report.pictures(full)["stages.svg"])
        self.assertIn("SDPA", report.pictures(full)["attention.svg"])

    def test_a_negative_part_has_no_width(self):
        picture = svg.stacked_bars("t", [("b", [("one", 10.0), ("two", -1.0)], "")], "us")
        self.assertIn('width="0.0"', picture)
        self.assertNotIn('width="-', picture)

    def test_steps_that_overlap_more_are_figures_of_their_own(self):
        def cached(correlation, hits):
            line = attention(k=2048)
            line["result"]["query_correlation"] = correlation
            line["result"]["rows"][0] |= {"row_cache": 4096, "row_cache_hit_rate": hits}
            return line

        run = self.run_of([cached(0, 0.03), cached(0.9, 0.61)], [])
        rows = run.our("attention", k=2048)
        self.assertEqual(2, len(rows))
        self.assertIn("61% of rows cached", report.attention_table(run))
        self.assertEqual(0.9, report.history_row(rows[1], "2026-11-23", "abc", "test")["query_correlation"])

    def test_history_gets_a_row_a_figure_once(self):
        run = self.run_of([attention(), linear()], [sdpa()])
        history = self.folder / "history.jsonl"
        self.assertEqual(3, report.append_history(run, history, None))
        self.assertEqual(0, report.append_history(run, history, None))
        ours, _, theirs = [json.loads(line) for line in history.read_text().splitlines()]
        self.assertEqual(["date", "commit", "device", "driver", "what", "method", "shape", "context", "batch", "k"], list(ours)[:10])
        self.assertEqual(("2026-11-23", "0123456", "pariskv", 100, "host"),
                         tuple(ours[name] for name in ("date", "commit", "method", "k", "placement")))
        self.assertEqual({"vote+histogram": 20.0, "fetch+attend": 60.0}, ours["stages_us"])
        self.assertEqual(("torch-sdpa", ours["shape"], "0123456"), (theirs["method"], theirs["shape"], theirs["commit"]))

    def test_two_gpus_are_refused(self):
        run = self.run_of([attention()], [sdpa(device="NVIDIA H200")])
        with self.assertRaisesRegex(InputError, "2 devices .*H100.*H200"):
            report.refuse_mixed(run)

    def test_a_broken_file_is_named_with_its_line(self):
        path = self.folder / "bench.jsonl"
        path.write_text('{"command": "bench linear", "result": {"rows": []}}\n{"comm', encoding="utf-8")
        with self.assertRaisesRegex(InputError, "bench.jsonl, line 2: not JSON"):
            read_bench(path)
        with self.assertRaisesRegex(InputError, "peers.jsonl: No such file"):
            read_peers(self.folder / "peers.jsonl")


if __name__ == "__main__":
    unittest.main()
