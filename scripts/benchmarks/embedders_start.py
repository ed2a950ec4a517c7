"""What a search in words costs from the start of the process: each embedder that words can be asked of."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hybrid_search import HybridIndex
from scripts.benchmarks.machine import median, table
from scripts.benchmarks.start import process_seconds

QUESTION = "a dog running on a beach"
INDEXES: tuple[tuple[str, ...], ...] = (("lite",), ("lite", "caption:minilm"), ("lite+minilm",))
RUNS, COUNT = 7, 96
ROOT = Path(__file__).parent.parent.parent
_PEAK = """
import sys
from hybrid_search.cli import main
sys.argv[1:] = {arguments!r}
try:
    main()
except SystemExit:
    pass
from scripts.benchmarks.machine import peak_megabytes
print(peak_megabytes(), file=sys.stderr)
"""


def measure(photos: Path, *, quick: bool = False) -> str:
    """Search the same photos on the command line, caches warm, in turn; processor time of the whole process."""
    rows, missing = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number, embedders in enumerate(INDEXES):
            place = str(Path(folder) / str(number))
            try:
                _fill(place, embedders, photos, count=8 if quick else COUNT)
                rows.append(_row(place, embedders, runs=2 if quick else RUNS))
            except Exception as error:
                missing.append(f"- `{' + '.join(embedders)}`: {type(error).__name__}: {error}\n")
    header = ["embedders of the index", "CPU s", "wall s", "peak MB"]
    text = f"### `hybrid-search search '{QUESTION}'`, a process for each search\n\n{table(header, rows)}"
    return text + ("\nNot measured:\n\n" + "".join(missing) if missing else "")


def _fill(place: str, embedders: Sequence[str], photos: Path, *, count: int) -> None:
    with HybridIndex(place, embedder=list(embedders)) as index:
        for path in sorted(path for path in photos.iterdir() if path.suffix in (".jpg", ".png"))[:count]:
            index.add(path, metadata={"caption": path.stem})


def _row(place: str, embedders: Sequence[str], *, runs: int) -> list[object]:
    arguments = ["search", QUESTION, "--index", place, "--json"]
    command = [sys.executable, "-m", "hybrid_search", *arguments]
    spent = [process_seconds(command) for _ in range(runs + 1)][1:]
    peak = subprocess.run(
        [sys.executable, "-c", _PEAK.format(arguments=arguments)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stderr
    named = " and ".join(f"`{name}`" for name in embedders)
    return [named, median([cpu for cpu, _ in spent]), median([wall for _, wall in spent]), float(peak.split()[-1])]
