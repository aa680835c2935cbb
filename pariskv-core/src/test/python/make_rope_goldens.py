"""Writes the expected RoPE frequencies of RopeFrequenciesTest.

The formulas are those of the papers (RoPE 2104.09864, YaRN and dynamic NTK 2309.00071, the Llama 3 ramp), evaluated
twice: "f32" rounds to single precision wherever Hugging Face transformers 5 on PyTorch does, "f64" never rounds.
The first says what the models were trained with, the second guards the first against a mistake in the rounding.

    python3 pariskv-core/src/test/python/make_rope_goldens.py   # from the repository root; needs numpy
"""

import json
import math
import pathlib

import numpy as np

OUT = pathlib.Path(__file__).parent.parent / "resources" / "fixtures" / "rope" / "goldens.json"


class Arithmetic:
    def __init__(self, dtype):
        self.t = dtype

    def array(self, values):
        return np.asarray(values).astype(self.t)

    def power(self, base, exponent):
        """One rounding of the exact power, whatever the platform's single-precision pow does."""
        base = np.asarray(base).astype(self.t).astype(np.float64)
        return np.power(base, np.asarray(exponent).astype(np.float64)).astype(self.t)

    def over(self, number, array):
        """number / array the way PyTorch does it: the reciprocal first."""
        return (self.t(1) / array) * self.t(number)


def wavelengths(a, theta, dim):
    return a.power(theta, a.array(np.arange(0, dim, 2)) / a.t(dim))


def plain(a, theta, dim):
    return a.over(1.0, wavelengths(a, theta, dim))


def linear(a, c):
    return plain(a, c["theta"], c["head_dim"]) / a.t(c["factor"]), 1.0


def dynamic(a, c):
    dim, longest, factor = c["head_dim"], c["max_positions"], c["factor"]
    if c["length"] <= longest:
        return plain(a, c["theta"], dim), 1.0
    stretch = a.t(factor) * a.t(c["length"]) / a.t(longest) - a.t(factor - 1)
    base = a.power(stretch, a.t(dim / (dim - 2))) * a.t(c["theta"])
    return plain(a, base, dim), 1.0


def llama3(a, c):
    frequency = plain(a, c["theta"], c["head_dim"])
    original, low, high = c["original"], c["low"], c["high"]
    wavelength = a.over(2 * math.pi, frequency)
    smooth = (a.over(original, wavelength) - a.t(low)) / a.t(high - low)
    blended = (a.t(1) - smooth) * frequency / a.t(c["factor"]) + smooth * frequency
    result = np.where(wavelength > a.t(original / low), frequency / a.t(c["factor"]), blended)
    return np.where(wavelength < a.t(original / high), frequency, result), 1.0


def yarn(a, c):
    dim, theta, factor = c["head_dim"], c["theta"], c["factor"]

    def dimension(rotations):
        return dim * math.log(c["original"] / (rotations * 2 * math.pi)) / (2 * math.log(theta))

    def scale(mscale):
        return 0.1 * mscale * math.log(factor) + 1.0 if factor > 1 else 1.0

    low, high = dimension(c.get("beta_fast", 32)), dimension(c.get("beta_slow", 1))
    if c.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dim - 1)
    if low == high:
        high += 0.001
    ramp = np.clip((a.array(np.arange(dim // 2)) - a.t(low)) / a.t(high - low), a.t(0), a.t(1))
    keep = a.t(1) - ramp
    wave = wavelengths(a, theta, dim)
    result = a.over(1.0, a.t(factor) * wave) * (a.t(1) - keep) + a.over(1.0, wave) * keep
    if "attention_factor" in c:
        return result, c["attention_factor"]
    if c.get("mscale") and c.get("mscale_all_dim"):
        return result, scale(c["mscale"]) / scale(c["mscale_all_dim"])
    return result, scale(1)


KINDS = {
    "default": lambda a, c: (plain(a, c["theta"], c["head_dim"]), 1.0),
    "linear": linear,
    "dynamic": dynamic,
    "llama3": llama3,
    "yarn": yarn,
}


def case(kind, head_dim, theta, **more):
    return {"type": kind, "head_dim": head_dim, "theta": theta, "max_positions": 4096, "length": 100, **more}


CASES = [
    case("default", 2, 10000.0),
    case("default", 64, 10000.0),
    case("default", 80, 1000000.0),
    case("default", 128, 5000000.0),
    case("linear", 128, 10000.0, factor=4.0),
    case("linear", 96, 500000.0, factor=2.7),
    case("dynamic", 128, 10000.0, factor=2.0),
    case("dynamic", 128, 10000.0, factor=2.0, length=4096),
    case("dynamic", 128, 10000.0, factor=2.0, length=4097),
    case("dynamic", 128, 10000.0, factor=8.0, length=32768),
    case("dynamic", 4, 500000.0, factor=3.3, length=100003),
    case("dynamic", 64, 10000.0, factor=1.0, length=16385, max_positions=2048),
    case("llama3", 32, 500000.0, factor=8.0, low=1.0, high=4.0, original=64),
    case("llama3", 128, 500000.0, factor=8.0, low=1.0, high=4.0, original=8192),
    case("llama3", 64, 500000.0, factor=32.0, low=1.0, high=4.0, original=8192),
    case("llama3", 128, 10000.0, factor=5.5, low=0.7, high=9.1, original=1000),
    case("yarn", 128, 1000000.0, factor=4.0, original=32768),
    case("yarn", 128, 1000000.0, factor=4.0, original=32768, truncate=False),
    case("yarn", 64, 10000.0, factor=40.0, original=4096, mscale=1.0, mscale_all_dim=1.0),
    case("yarn", 64, 10000.0, factor=40.0, original=4096, mscale=0.707, mscale_all_dim=1.3),
    case("yarn", 64, 10000.0, factor=40.0, original=4096, mscale=0.707),
    case("yarn", 96, 150000.0, factor=32.0, original=4096, beta_fast=48.0, beta_slow=3.0, attention_factor=1.25),
    case("yarn", 128, 10000.0, factor=1.0, original=4096),
    case("yarn", 8, 10000.0, factor=2.0, original=3),
    case("yarn", 64, 10000.0, factor=2.0, original=100, beta_fast=7.0, beta_slow=7.0, truncate=False),
]


def main():
    goldens = []
    for c in CASES:
        frequencies, scale = KINDS[c["type"]](Arithmetic(np.float32), c)
        exact, _ = KINDS[c["type"]](Arithmetic(np.float64), c)
        assert frequencies.dtype == np.float32 and exact.dtype == np.float64
        goldens.append({**c, "f32": [float(f) for f in frequencies], "f64": [float(f) for f in exact],
                        "attention_scale": scale})
    OUT.write_text("[\n" + ",\n".join(json.dumps(g) for g in goldens) + "\n]\n")


if __name__ == "__main__":
    main()
