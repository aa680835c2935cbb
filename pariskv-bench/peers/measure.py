"""What all peers share: the machine, timing by CUDA graph replay, and one JSON line a figure."""

import gc
import json
import math
import statistics
import subprocess
import sys
import time
import traceback
import warnings
from dataclasses import dataclass
from datetime import datetime, timezone

import torch

warnings.simplefilter("ignore")  # each SDPA backend that refuses prints a page of reasons

REPLAYS = 40
QUICK_REPLAYS = 5


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one call, a sample a replay."""

    samples: list
    without_graph: str = ""  # why the calls were not recorded, if they were not

    @property
    def median(self):
        return statistics.median(self.samples)

    @property
    def p95(self):
        ordered = sorted(self.samples)
        return ordered[math.ceil(0.95 * len(ordered)) - 1]


class Skip(Exception):
    """A figure that this machine cannot give; the message says why."""


class Machine:
    """The GPU, or with `dry` the CPU at toy sizes, to see that every line of this program runs."""

    def __init__(self, dry, commit):
        self.dry = dry
        self.device = torch.device("cpu" if dry else "cuda")
        if not dry and not torch.cuda.is_available():
            sys.exit("peers: PyTorch sees no CUDA device; nothing to measure (--dry-run tries the program on the CPU)")
        self.circumstances = {
            "device": "dry run on a CPU" if dry else torch.cuda.get_device_name(0),
            "driver": None if dry else _driver(),
            "torch": torch.__version__,
            "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
            "commit": commit or None,
        }

    def l2_bytes(self):
        if self.dry:
            return 1 << 16
        return getattr(torch.cuda.get_device_properties(0), "L2_cache_size", 0) or 50 << 20

    def free_bytes(self):
        """What can be allocated now."""
        if self.dry:
            return 1 << 28
        self.release()
        return torch.cuda.mem_get_info()[0]

    def release(self):
        """Gives back what nothing refers to any more."""
        gc.collect()
        if not self.dry:
            torch.cuda.empty_cache()

    def random(self, *shape, scale=1.0, dtype=torch.bfloat16):
        """Normally distributed: zeros would run faster than real data."""
        return torch.empty(*shape, dtype=dtype, device=self.device).normal_(0.0, scale)

    def synchronize(self):
        if not self.dry:
            torch.cuda.synchronize()

    def time(self, run, calls=1, replays=REPLAYS, graph=True):
        """Times `run(0)` to `run(calls - 1)`, recorded as one CUDA graph, and gives the time of one call.

        Everything runs twice before the recording, and twice before it is timed.
        """
        def step():
            for i in range(calls):
                run(i)

        if self.dry:
            samples = []
            for _ in range(replays):
                start = time.perf_counter()
                step()
                samples.append((time.perf_counter() - start) * 1e3 / calls)
            return Timing(samples, "dry run")
        launch, why_not = _record(step) if graph else (step, "")
        launch()
        launch()
        events = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(replays)]
        for before, after in events:
            before.record()
            launch()
            after.record()
        torch.cuda.synchronize()
        return Timing([before.elapsed_time(after) / calls for before, after in events], why_not)

    def fastest(self, variants, calls=1):
        """Tries every variant for a few replays and times the fastest properly.

        `variants` maps names to functions of the call's number. Gives (name, timing, median ms or error of each).
        """
        tried = {}
        for name, run in variants.items():
            try:
                tried[name] = self.time(run, calls, QUICK_REPLAYS).median
            except Exception as e:  # a backend that refuses this shape is no reason to stop
                tried[name] = one_line(e)
            self.after_error(tried[name])
        ran = {name: ms for name, ms in tried.items() if not isinstance(ms, str)}
        if not ran:
            raise RuntimeError("no variant ran: " + "; ".join(f"{name}: {why}" for name, why in tried.items()))
        best = min(ran, key=ran.get)
        timing = self.time(variants[best], calls)
        return best, timing, {name: ms if isinstance(ms, str) else round(ms, 5) for name, ms in tried.items()}

    def figure(self, what, method, shape, measure, context=None, batch=1):
        """Prints one line: the fields that `measure()` returns, or why there are none."""
        line = {"what": what, "method": method, "shape": shape, "context": context, "batch": batch}
        try:
            line |= measure()
        except Skip as e:
            line["skipped"] = str(e)
        except Exception as e:
            traceback.print_exc(file=sys.stderr)
            line["error"] = one_line(e)
        except SystemExit as e:
            print(json.dumps(line | {"error": str(e)} | self.circumstances), flush=True)
            raise
        print(json.dumps(line | self.circumstances), flush=True)
        self.after_error(line.get("error"))
        self.release()

    def after_error(self, error):
        """A kernel that faults ends its process's use of the GPU: every later figure would only repeat the error."""
        if not isinstance(error, str) or self.dry:
            return
        try:
            torch.cuda.synchronize()
        except Exception as e:
            sys.exit(f"peers: the GPU does not answer this process any more ({one_line(e)}), after: {error}")
        self.release()


def fields(timing, moved=None, flops=None, note="", **more):
    """The fields of a timed figure; `moved` is in bytes, rates follow from the median."""
    line = {"ms_median": round(timing.median, 5), "ms_p95": round(timing.p95, 5), "replays": len(timing.samples)}
    line["bytes"] = moved
    line["gb_s"] = None if moved is None else round(moved / timing.median / 1e6, 1)
    if flops is not None:
        line["tflop_s"] = round(flops / timing.median / 1e9, 1)
    line["note"] = "; ".join(part for part in (note, timing.without_graph) if part)
    return line | more


def _record(step):
    side = torch.cuda.Stream()  # what libraries set up at first must not happen in the recording
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        step()
        step()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            step()
    except RuntimeError as e:
        torch.cuda.synchronize()
        return step, f"no CUDA graph ({one_line(e)}), so host time may be in it"
    return graph.replay, ""


def _driver():
    try:
        asked = subprocess.run(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],
                               capture_output=True, text=True, timeout=20, check=True)
        return asked.stdout.split("\n")[0].strip() or None
    except (OSError, subprocess.SubprocessError):
        return None


def one_line(error):
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text[:240]
