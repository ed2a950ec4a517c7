"""Start-up: importing the package, and a text search on an index of 10,000 documents, in process time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.benchmarks.machine import median, table
from scripts.benchmarks.search import build_index

RUNS = 9


def measure(photos: Path, *, quick: bool = False) -> str:
    """Time whole processes in turn; user and system time together, as the operating system accounts them."""
    with tempfile.TemporaryDirectory() as folder:
        build_index(Path(folder), documents=500 if quick else 10_000).close()
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "import hybrid_search": [sys.executable, "-c", "import hybrid_search"],
            "from hybrid_search import HybridIndex": [sys.executable, "-c", "from hybrid_search import HybridIndex"],
            "hybrid-search search w1 (10,000 documents)": [
                *(sys.executable, "-m", "hybrid_search", "search", "w1", "--index", folder, "--json"),
            ],
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for run in range(1 + (2 if quick else RUNS)):
            for name, command in commands.items():
                spent = process_seconds(command)
                if run:
                    times[name].append(spent)
    base = median([cpu for cpu, _ in times["python -c pass"]])
    rows = []
    for name, spent in times.items():
        cpu = median([cpu for cpu, _ in spent])
        rows.append([f"`{name}`", cpu * 1000, median([wall for _, wall in spent]) * 1000, cpu / base])
    return "## Start-up\n\n" + table(["process", "CPU ms", "wall ms", "÷ `python -c pass`"], rows)


def process_seconds(command: list[str]) -> tuple[float, float]:
    before, start = os.times(), os.times().elapsed
    # an installed program has its bytecode cached; a shell that forbids it would measure compiling
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return cpu, after.elapsed - start
