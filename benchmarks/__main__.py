"""`python -m benchmarks`: measure each part, keep its numbers in results/benchmarks/, write benchmarks/REPORT.md.

With --quick all of it goes to results/benchmarks/quick/.
"""

import argparse
import importlib
import sys
import time

from threadpoolctl import threadpool_limits

from benchmarks import report
from benchmarks.measure import load
from wae.core.files import read_json, write_json
from wae.core.plugins import ROOT

PARTS = ("training", "penalty", "frechet", "memory", "growth", "dag")
KEPT = ROOT / "results/benchmarks"


def main() -> None:
    """Measure the parts asked for and write the report of all that are at hand."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS, help="measure only these")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that every part runs")
    a = parser.parse_args()
    kept, out = (KEPT / "quick", KEPT / "quick/REPORT.md") if a.quick else (KEPT, ROOT / "benchmarks/REPORT.md")
    for place, part in enumerate(a.parts):
        start, before = time.perf_counter(), load()
        module = importlib.import_module(f"benchmarks.{part}")
        with threadpool_limits(1):  # NumPy's BLAS takes all cores, and counts a waiting thread as computing
            try:
                found = module.measure(a.quick)
            except Exception as error:
                rest = " ".join(a.parts[place:])
                again = f"python -m benchmarks{' --quick' if a.quick else ''} --parts {rest}"
                error.add_note(f"{part} failed; the parts before it are kept in {kept}. To go on: {again}")
                raise
        seconds = time.perf_counter() - start
        write_json(kept / f"{part}.json", {"found": found, "load_before": before, "minutes": seconds / 60})
        print(f"{part}: {seconds / 60:.1f} min", file=sys.stderr)
    parts = {part: read_json(kept / f"{part}.json") for part in PARTS if (kept / f"{part}.json").exists()}
    report.write(parts, out)
    print(f"wrote {out}", file=sys.stderr)


if __name__ == "__main__":
    main()
