#!/usr/bin/env python3
"""Measures what others reach on this GPU, one JSON line a figure. See README.md beside this file."""

import argparse
import sys

PARTS = ("ceiling", "attention", "linear", "prefill", "hf")


def main():
    parser = argparse.ArgumentParser(prog="peers.py", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts to measure, with commas (default: {','.join(PARTS)})")
    parser.add_argument("--commit", default="", help="written to every line")
    parser.add_argument("--dry-run", action="store_true", help="toy sizes on the CPU: the figures mean nothing")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")
    unknown = [part for part in chosen if part not in PARTS]
    if unknown:
        parser.error(f"--only {','.join(unknown)}: not one of {', '.join(PARTS)}")
    try:
        import torch
    except ImportError as e:
        sys.exit(f"peers: {sys.executable} has no PyTorch ({e}); put a python3 that has it first on the PATH")
    import attention
    import ceiling
    import huggingface
    import linear
    from measure import Machine

    run = {"ceiling": ceiling.measure, "attention": attention.decode, "linear": linear.measure,
           "prefill": attention.prefill, "hf": huggingface.measure}
    torch.manual_seed(1)
    machine = Machine(arguments.dry_run, arguments.commit)
    with torch.no_grad():
        for part in chosen:
            run[part](machine)


if __name__ == "__main__":
    main()
