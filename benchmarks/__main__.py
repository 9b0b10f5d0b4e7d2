"""`python -m benchmarks`: measure each part, keep its numbers in results/benchmarks/, write benchmarks/REPORT.md."""

import argparse
import importlib
import sys
import time
from pathlib import Path

from benchmarks import report
from benchmarks.measure import load
from wae.files import read_json, write_json
from wae.sources import ROOT

PARTS = ("training", "penalty", "frechet", "memory", "growth", "dag")
KEPT = ROOT / "results/benchmarks"


def main() -> None:
    """Measure the parts asked for and write the report of all that are at hand."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS, help="measure only these")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that every part runs")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/REPORT.md")
    parser.add_argument("--kept", type=Path, default=KEPT, help="where the numbers are kept")
    a = parser.parse_args()
    for part in a.parts:
        start, before = time.perf_counter(), load()
        found = importlib.import_module(f"benchmarks.{part}").measure(a.quick)
        seconds = time.perf_counter() - start
        write_json(a.kept / f"{part}.json", {"found": found, "load_before": before, "minutes": seconds / 60})
        print(f"{part}: {seconds / 60:.1f} min", file=sys.stderr)
    parts = {part: read_json(a.kept / f"{part}.json") for part in PARTS if (a.kept / f"{part}.json").exists()}
    report.write(parts, a.out)
    print(f"wrote {a.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
