"""Both versions of Elasticsearch for the time of one command: `python -m scripts.servers.session COMMAND`.

The command finds their URLs in HYBRID_SEARCH_TEST_SERVERS. ELASTICSEARCH_URL is not used: tests create, delete and
close indices, and that is done to no server that somebody has not named for it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from scripts.servers.cluster import load_all
from scripts.servers.failures import Failure, NotToBeHad

VERSIONS = ("9.2.0", "8.19.21")
SCRIPT = Path(__file__).parents[1] / "elasticsearch"
PATIENCE = "600"  # seconds; on a busy machine with two cores three secure nodes have taken more than two minutes
URLS = "HYBRID_SEARCH_TEST_SERVERS"
MISSING = "HYBRID_SEARCH_NO_SERVERS"  # why there are none, so that tests need not find out again
REQUIRED = "HYBRID_SEARCH_REQUIRE_SERVERS"


def name_of(what: str) -> str:
    """Return the name of a cluster that lives no longer than this process."""
    return f"test-{os.getpid()}-{what}"


def versions() -> dict[str, list[str]]:
    """Return, per cluster's name, the arguments that start each version on free ports."""
    return {name_of(version): ["--version", version, "--port", "0", "--heap", "1g"] for version in VERSIONS}


def required() -> bool:
    """Return whether the lack of servers is a failure here, as it is on CI."""
    return any(os.environ.get(variable, "").lower() not in ("", "0", "false") for variable in ("CI", REQUIRED))


def start(clusters: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Start clusters side by side and return their URLs, per name and with commas between nodes.

    Raises
    ------
    NotToBeHad
        This machine lacks what a server needs.
    Failure
        One did not start, and the others are stopped again.
    """
    sweep()
    began = {}
    for name, arguments in clusters.items():
        command = [sys.executable, str(SCRIPT), "start", "--name", name, "--timeout", PATIENCE, *arguments]
        began[name] = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_clean())
    try:
        said = {name: process.communicate() for name, process in began.items()}
    except BaseException:
        for process in began.values():
            process.terminate()
            process.communicate()
        stop(clusters)
        raise
    for name, process in began.items():
        if process.returncode:
            stop(clusters)
            lines = said[name][1].strip().splitlines() or ["it said nothing"]
            kind = NotToBeHad if process.returncode == NotToBeHad.code else Failure
            raise kind(lines[-1].removeprefix("scripts/elasticsearch: ") if kind is NotToBeHad else "\n".join(lines))
    return {name: output.splitlines()[-1] for name, (output, _) in said.items()}


def stop(names: Iterable[str]) -> None:
    """Stop clusters and remove their data."""
    for name in names:
        subprocess.run([sys.executable, str(SCRIPT), "stop", "--name", name], stdout=subprocess.DEVNULL, env=_clean())


def sweep() -> None:
    """Stop what tests that were killed have left running."""
    for cluster in load_all():
        match = re.match(r"test-(\d+)-", cluster.name)
        if match and not _is_alive(int(match[1])):
            stop([cluster.name])


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "ELASTICSEARCH_URL"}


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def main(command: Sequence[str]) -> int:
    """Run a command between the start and the stop of both servers, and return its exit code."""
    if os.environ.get(URLS):
        return _run(command, {})
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    wanted = versions()
    try:
        urls = start(wanted)
    except NotToBeHad as failure:
        print(f"left out: every test on a real Elasticsearch; {failure}", file=sys.stderr)
        return 1 if required() else _run(command, {MISSING: str(failure)})
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    try:
        print(f"Elasticsearch {' and '.join(VERSIONS)}: {' '.join(urls.values())}", file=sys.stderr)
        return _run(command, {URLS: " ".join(urls.values())})
    finally:
        stop(wanted)


def _leave(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _run(command: Sequence[str], variables: Mapping[str, str]) -> int:
    with subprocess.Popen(command, env=os.environ | dict(variables)) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # the command has got it too, and ends in its own way
            except SystemExit:
                process.terminate()
                process.wait()
                raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
