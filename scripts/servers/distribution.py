"""The server itself: Elastic's core distribution, fetched with Maven's own client and unpacked once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from scripts.servers import cache
from scripts.servers.failures import Failure, NotToBeHad

ARTIFACT = "org.elasticsearch.distribution.integ-test-zip:elasticsearch:{version}:zip"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def unpacked(version: str) -> Path:
    """Return the folder of an unpacked server, fetching it at the first call; parallel callers wait for one another.

    Raises
    ------
    NotToBeHad
        The server is not in the cache and Maven is missing or cannot fetch it.
    """
    home = cache.folder() / f"elasticsearch-{version}"
    with cache.locked(home.name):
        if not home.exists():
            archive = _archive(version)
            with tempfile.TemporaryDirectory(dir=cache.folder(), prefix="unpack-") as scratch:
                _unpack(archive, Path(scratch))
                # the rename is the last step, so that a folder of this name is always whole
                (Path(scratch) / home.name).rename(home)
    return home


def _archive(version: str) -> Path:
    archive = cache.folder() / "zips" / f"elasticsearch-{version}.zip"
    if not archive.exists():
        cache.make(archive.parent)
        with tempfile.TemporaryDirectory(dir=archive.parent, prefix="fetch-") as scratch:
            fetched = _fetch(version, Path(scratch))
            fetched.rename(archive)
    return archive


def _fetch(version: str, folder: Path) -> Path:
    if not shutil.which("mvn"):
        raise NotToBeHad(f"Elasticsearch {version} is not in the cache and there is no Maven (mvn) to fetch it with")
    command = [
        "mvn",
        "-B",
        "-q",
        "-Dstyle.color=never",
        "dependency:copy",
        f"-Dartifact={ARTIFACT.format(version=version)}",
    ]
    done = subprocess.run(
        [*command, f"-DoutputDirectory={folder}"], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    archives = sorted(folder.glob("*.zip"))
    if done.returncode or not archives:
        said = [line for line in COLOUR.sub("", done.stdout + done.stderr).splitlines() if line.strip()] or [
            "no output"
        ]
        reason = next((line for line in said if "ERROR" in line), said[-1])
        raise NotToBeHad(f"Maven could not fetch Elasticsearch {version}: {reason.strip().removeprefix('[ERROR] ')}")
    return archives[0]


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
            for entry in packed.infolist():
                path = folder / entry.filename
                executable = (entry.external_attr >> 16) & 0o100
                os.chmod(path, 0o755 if path.is_dir() or executable else 0o644)
    except zipfile.BadZipFile as error:
        archive.unlink()
        raise Failure(f"{archive} was not a whole zip and is removed; start again to fetch it anew") from error
