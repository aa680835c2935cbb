"""Made-up samples through evaluation.py: python3 -m unittest, in this folder."""

import argparse
import json
import tempfile
import unittest
import xml.dom.minidom
from pathlib import Path

import evaluation
from figures import InputError


def sample(method, number, score, task="recall-number", length=4096, retrieval=(), error=None):
    return {"kind": "sample", "cell": {"task": task, "length": length, "method": method}, "id": str(number),
            "outcome": {"score": score, "measures": {"hops": 3.0}, "error": error},
            "cost": None if error else {"attendedTokens": 421.0, "kvBytesPerToken": 1000.0, "summaryBytesPerToken": 24.0},
            "agreement": None if method == "full" else {"same": 1, "equalShare": 0.5, "firstDifference": 2.0},
            "retrieval": list(retrieval), "origin": {"model": "m", "modelSha256": "00", "backend": "vector", "version": "v1"}}


def refused(method, reason="k 8 must be at least 16", task="recall-number", length=4096):
    return {"kind": "refused", "cell": {"task": task, "length": length, "method": method}, "reason": reason}


def point(step, recall=0.9):
    return {"step": step, "layer": 0, "kvHead": 1, "recall": recall, "headRecall": 0.8, "mass": 0.7, "error": 1.2}


def latency(method, ms, **more):
    return {"what": "decode attention, one layer, methods side by side", "method": method, "settings": "matched", "device": "a GPU",
            "version": "v1", "context": 131_072, "batch": 1, "k": 100, "placement": "host"} | (
        more or {"ms_median": ms, "ms_p5": ms, "ms_p95": ms, "full_over_this": 0.5, "this_over_pariskv": None, "attended_tokens": 421.0,
                 "index_bytes": 1, "pcie_bytes": 2, "index_ms": 3.0, "recorded": False})


class EvaluationTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def directory(self, name, lines):
        directory = self.folder / name
        directory.mkdir(parents=True)
        evaluation.write_lines(directory / "samples.jsonl", lines)
        return directory

    def make(self, **files):
        arguments = argparse.Namespace(results=None, add=False, compare=None, out=self.folder / "out", note="made up")
        for name, value in files.items():
            setattr(arguments, name, value)
        evaluation.make(arguments)
        return (self.folder / "out/report.md").read_text(encoding="utf-8")

    def test_bytes_of_the_window_are_told_where_it_is_fetched(self):
        row = {"pcie_bytes": 41_500_000}
        self.assertEqual("41.50", evaluation.over_bus(row))
        self.assertEqual("41.50", evaluation.over_bus(row | {"pcie_window_bytes": 0}))
        self.assertEqual("41.50, 40.25 of them the window's", evaluation.over_bus(row | {"pcie_window_bytes": 40_250_000}))

    def test_cell_is_the_mean_of_its_samples_with_the_interval_of_a_share(self):
        rows = evaluation.cells(self.directory("r", [sample("pariskv k=8", i, float(i < 3)) for i in range(4)]))
        self.assertEqual(1, len(rows))
        self.assertEqual(("pariskv", 8, 4, 0.75, 0, 421.0, 1024.0, 3.0),
                         tuple(rows[0][name] for name in ("method", "k", "samples", "score", "failed", "attended", "bytes", "hops")))
        self.assertAlmostEqual(0.3006, rows[0]["low"], 3)  # Wilson's for 3 of 4
        self.assertAlmostEqual(0.9544, rows[0]["high"], 3)

    def test_failed_sample_counts_as_wrong_and_refused_cell_keeps_its_reason(self):
        rows = evaluation.cells(self.directory("r", [sample("full", 0, 1.0), sample("full", 1, 0.0, error="no memory"), refused("quest k=8")]))
        self.assertEqual((0.5, 1), (rows[0]["score"], rows[0]["failed"]))
        self.assertEqual("k 8 must be at least 16", rows[1]["refused"])

    def test_samples_are_compared_one_by_one_with_the_default(self):
        self.directory("results/recall", [sample(f"{method} k=100", i, float(i in right)) for method, right in
                                          (("pariskv:sharp", range(8)), ("quest", (0, 8)), ("pqcache", range(8))) for i in reversed(range(12))]
                       + [sample("magicpig k=100", i, 1.0) for i in range(1, 12)])  # without the first: of other samples
        report = self.make(results=self.folder / "results")
        self.assertIn("| quest | 100 | 1 : 7, p = 0.07 |", report)
        self.assertIn("| pqcache | 100 | 0 : 0, p = 1.00 |", report)
        self.assertNotIn("| magicpig | 100 |", report)
        record = {row["method"]: row for row in map(json.loads, (self.folder / "out/recall.jsonl").read_text().splitlines())}
        self.assertEqual("111111110000", record["pariskv:sharp"]["right"])
        self.assertNotIn("right", record["magicpig"])

    def test_added_results_replace_their_cells_and_leave_the_others(self):
        self.directory("first/recall", [sample("full", 0, 1.0), sample("quest k=100", 0, 1.0), refused("quest k=8")])
        self.make(results=self.folder / "first")
        self.directory("second/recall", [sample("quest k=100", i, 0.0) for i in range(3)] + [sample("quest:released", 0, 1.0)])
        self.make(results=self.folder / "second", add=True)
        rows = [json.loads(line) for line in (self.folder / "out/recall.jsonl").read_text().splitlines()]
        self.assertEqual([("full", None, 1.0), ("quest", 100, 0.0), ("quest", 8, None), ("quest:released", None, 1.0)],
                         [(row["method"], row["k"], row.get("score")) for row in rows])
        self.directory("third/recall", [sample("quest k=100", i, 1.0) for i in range(2)])
        self.make(results=self.folder / "third", add=True)
        self.assertEqual(rows, [json.loads(line) for line in (self.folder / "out/recall.jsonl").read_text().splitlines()], "of fewer samples")
        self.make(results=self.folder / "second")
        self.assertEqual(2, len((self.folder / "out/recall.jsonl").read_text().splitlines()))

    def test_sign_test_is_the_binomial_of_both_tails(self):
        self.assertEqual(1.0, evaluation.sign_test(0, 0))
        self.assertAlmostEqual(0.021484375, evaluation.sign_test(9, 1))
        self.assertAlmostEqual(0.0078125, evaluation.sign_test(0, 8))
        self.assertEqual(1.0, evaluation.sign_test(3, 3))

    def test_drift_has_an_interval_of_the_means_of_samples(self):
        self.directory("r/drift", [sample("pariskv", i, 1.0, "retrieval", retrieval=[point(step, recall) for step in range(0, 640, 16)])
                                   for i, recall in enumerate((0.5, 0.6, 0.7))])
        row = evaluation.drift(self.folder / "r/drift")[0]
        self.assertEqual((3, 0.6, 0.35159, 0.84841), tuple(row[name] for name in ("samples", "recall", "recall_low", "recall_high")))
        self.assertEqual((0.7, 0.7), (row["mass_low"], row["mass_high"]))
        self.assertIn("| 0.600 (0.352 to 0.848) | 0.800 (0.800 to 0.800) |", self.make(results=self.folder / "r"))
        self.assertEqual((0.0, 1.0), evaluation.student([0.1, 0.9], 1))

    def test_long_answers_are_in_the_order_of_their_samples(self):
        lines = [sample("pariskv", i, 1.0, "retrieval") for i in (10, 2)]
        lines[0]["outcome"]["measures"]["hops"] = 7.0
        self.assertEqual([3.0, 7.0], evaluation.long_answers(self.directory("r", lines))[0]["hops"])

    def test_one_of_two_results_leaves_the_record_of_the_other(self):
        self.directory("first/drift", [sample("pariskv", 0, 1.0, "retrieval", retrieval=[point(step) for step in range(0, 640, 16)])])
        self.make(results=self.folder / "first")
        self.directory("second/recall", [sample("full", 0, 1.0)])
        self.assertIn("600 to 625", self.make(results=self.folder / "second"))
        with self.assertRaisesRegex(InputError, "neither recall nor drift"):
            self.make(results=self.folder / "nothing")

    def test_report_and_pictures_are_made_again_of_the_records(self):
        self.directory("results/recall", [sample(method, i, 1.0, length=length) for method in ("full", "pariskv:sharp k=8", "pariskv:sharp k=100")
                                      for length in (4096, 131_072) for i in range(2)] + [refused("quest k=8", "why | not")])
        self.directory("results/drift", [sample("pariskv", i, 1.0, "retrieval", retrieval=[point(step) for step in range(0, 640, 16)])
                                         for i in range(2)])
        compare = self.folder / "compare.jsonl"
        evaluation.write_lines(compare, [latency("full", 0.2), latency("quest", 0.1, error="not enough memory")])
        first = self.make(results=self.folder / "results", compare=compare)
        for text in ("**made up**", "| pariskv:sharp, k = 8 | 1.00 (0.34 to 1.00) | 1.00 (0.34 to 1.00) |", "why / not", "not enough memory",
                     "not recorded", "recall-number-k.svg", "drift-error.svg", "600 to 625",
                     "| pariskv | 3, 3 | 2, 2 | 0.500 | 0.0 |"):
            self.assertIn(text, first)
        pictures = list((self.folder / "out").glob("*.svg"))
        self.assertEqual(5, len(pictures))
        for picture in pictures:
            xml.dom.minidom.parse(str(picture))
        self.assertEqual(first, self.make())

    def test_directory_without_samples_is_refused(self):
        with self.assertRaisesRegex(InputError, "is empty"):
            evaluation.cells(self.directory("r", []))
        with self.assertRaisesRegex(InputError, "No such file"):
            evaluation.cells(self.folder / "nowhere")


if __name__ == "__main__":
    unittest.main()
