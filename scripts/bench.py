"""Measure, as ratios within one run: `python scripts/bench.py [ingest] [signature] [search] [start]`.

Prints Markdown. Photos come from --photos FOLDER, else from the shared test data that HYBRID_SEARCH_DATA names, else
from scikit-image's wheel. `make bench` runs everything; docs/benchmarks.md holds the latest output.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from scripts.benchmarks import ingest, search, signature, start
from scripts.benchmarks.machine import describe_machine

PARTS = {"ingest": ingest.measure, "signature": signature.measure, "search": search.measure, "start": start.measure}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to measure; everything by default")
    parser.add_argument("--photos", type=Path, help="a folder of real photos")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    options = parser.parse_args()
    photos = options.photos or default_photos()
    print(f"{describe_machine()}\n\nCommand: `python scripts/bench.py {' '.join(options.parts)}`\n", flush=True)
    for part in options.parts or PARTS:
        print(PARTS[part](photos, quick=options.quick), flush=True)


def default_photos() -> Path:
    """Return the folder of photos to measure with."""
    shared = Path(os.environ.get("HYBRID_SEARCH_DATA", "")) / "flickr8k" / "images"
    if os.environ.get("HYBRID_SEARCH_DATA") and shared.is_dir():
        return shared
    from importlib.util import find_spec

    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise SystemExit("no photos to measure with; pass --photos FOLDER, or pip install scikit-image")
    return Path(spec.origin).parent / "data"


if __name__ == "__main__":
    main()
