"""What the README and the pages of docs/ show is run: commands end well and name the pictures that the page names.

A block is left out by a comment in the line before it, which says why: `<!-- not run: it needs a server -->`.
"""

from __future__ import annotations

import doctest
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from hybrid_search.cli.commands.demo import NO_PHOTOS, bundled_photos
from tests.support.servers import VERSIONS

ROOT = Path(__file__).parents[2]
PAGES = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if path.is_file()]
ENDINGS = {"search": {0, 1}, "similar": {0, 1}, "index": {0, 4}}
"""Exit codes that docs/cli.md explains: nothing found, some files failed; other commands end with 0."""
NOT_OURS = ("make", "pip", "cd", "export", "git", "python", "python3", "apt", ".venv/bin/pip", "docker", "source")
"""Commands that install things or change the shell; the build's own tests run `make demo` and `make test`."""
SECONDS = 120
SERVER = "http://localhost:9200"
"""Where the pages have a server; commands that name it are run with a real one."""


@dataclass(frozen=True)
class Block:
    """A piece of a page: its place, its language, its text, and why it is not run."""

    page: str
    line: int
    language: str
    text: str
    skip: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """Give the fenced blocks of a page, and the indented ones as console."""
    lines = page.read_text(encoding="utf-8").splitlines()
    place = 0
    while place < len(lines):
        before = lines[place - 1] if place else ""
        skip = match[1].strip() if (match := re.search(r"<!--\s*not run:\s*(.+?)-->", before)) else ""
        start = place
        if fence := re.match(r"```(\w*)", lines[place]):
            place += 1
            while place < len(lines) and not lines[place].startswith("```"):
                place += 1
            yield Block(page.name, start + 1, fence[1], "\n".join(lines[start + 1 : place]), skip)
        elif lines[place].startswith("    ") and not before.strip():
            while place < len(lines) and (lines[place].startswith("    ") or not lines[place].strip()):
                place += 1
            text = "\n".join(line[4:] for line in lines[start:place])
            yield Block(page.name, start + 1, "console", text, skip)
            continue
        place += 1


BLOCKS = [block for page in PAGES for block in blocks(page)]
PYTHON = [block for block in BLOCKS if block.language in ("python", "pycon")]
SHELL = [block for block in BLOCKS if block.language in ("console", "bash", "sh", "shell")]


def commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Give each command of a block with the lines of output that the page shows below it."""
    prompted = any(line.startswith("$ ") for line in block.text.splitlines())
    command, shown = "", []
    for line in block.text.splitlines():
        starts = line.startswith("$ ") if prompted else line.startswith("hybrid-search ")
        if command.endswith("\\"):
            command = f"{command[:-1].rstrip()} {line.strip()}"
        elif starts:
            if command:
                yield command, shown
            command, shown = line.removeprefix("$ "), []
        elif command:
            shown.append(line)
    if command:
        yield command, shown


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home with pictures under every name that the pages use, and `hybrid-search` on its path."""
    home = tmp_path_factory.mktemp("home")
    (home / "photos").mkdir()
    left_out = {name for pattern in NO_PHOTOS for name in (path.name for path in bundled_photos().glob(pattern))}
    for path in bundled_photos().iterdir():
        if path.suffix in (".png", ".jpg", ".jpeg", ".gif", ".tif") and path.name not in left_out:
            shutil.copy(path, home / "photos" / path.name)
    (home / "photos" / "torn.jpg").write_text("not a picture")
    (home / "Pictures").symlink_to(home / "photos")
    (home / "sunsets").mkdir()
    (home / "card").mkdir()
    shutil.copy(home / "photos" / "rocket.jpg", home / "card" / "IMG_0001.jpg")
    (home / "camera").mkdir()
    shutil.copy(home / "photos" / "rocket.jpg", home / "camera" / "IMG_0001.jpg")
    with Image.open(home / "photos" / "chelsea.png") as cat:
        cat.resize((300, 200)).save(home / "card" / "cat-small.jpg", quality=60)
        cat.transpose(Image.Transpose.ROTATE_90).save(home / "card" / "cat-turned.png")
    Image.effect_noise((320, 240), 90).save(home / "card" / "noise.png")
    shutil.copy(ROOT / "examples" / "captions.csv", home / "captions.csv")
    shutil.copy(home / "photos" / "moon.png", home / "query.jpg")
    program = home / "bin" / "hybrid-search"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m hybrid_search "$@"\n')
    program.chmod(0o755)
    assert shell(home, "hybrid-search index photos --captions captions.csv").returncode == 4, "torn.jpg fails"
    return home


def shell(home: Path, command: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HYBRID_SEARCH")}
    cache = os.environ.get("XDG_CACHE_HOME", os.path.join(os.path.expanduser("~"), ".cache"))
    environment |= {
        "HOME": str(home),
        "XDG_CACHE_HOME": cache,
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HYBRID_SEARCH_INDEX": str(home / "index"),
        # no model of a hub is brought, nor one used that somebody has
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(home / "hub"),
        **more,
    }
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        cwd=home,
        env=environment,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
    )


def pictures(text: str) -> list[str]:
    return re.findall(r"[\w-]+\.(?:png|jpe?g|gif|tiff?)\b", text)


def test_the_pages_show_something() -> None:
    assert "README.md" in {page.name for page in PAGES}
    assert any(list(commands(block)) for block in SHELL if block.page == "README.md")
    assert not [str(block) for block in BLOCKS if block.skip == "" and "not run" in block.text]


@pytest.fixture
def on_server(servers: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment in which localhost:9200 is a real server, and an index there that ends with the test."""
    from elasticsearch import Elasticsearch

    name, url = f"docs-{secrets.token_hex(4)}", servers[VERSIONS[0]]
    yield {"HYBRID_SEARCH_NAME": name, "HYBRID_SEARCH_INDEX": url}
    with Elasticsearch(url) as raw:
        for index in list(raw.indices.get_alias(index=f"{name}*")):
            raw.indices.delete(index=index)


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_commands_end_well(block: Block, home: Path, request: pytest.FixtureRequest) -> None:
    if block.skip:
        pytest.skip(block.skip)
    environment = request.getfixturevalue("on_server") if SERVER in block.text else {}
    for command, shown in commands(block):
        if command.split()[0] in NOT_OURS or command.startswith("scripts/elasticsearch"):
            continue
        done = shell(home, command.replace(SERVER, environment.get("HYBRID_SEARCH_INDEX", SERVER)), **environment)
        verbs = [word for word in command.split() if word in ENDINGS]
        assert done.returncode in (ENDINGS[verbs[0]] if verbs else {0}), f"{command}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        if named := pictures("\n".join(shown)):
            assert named == pictures(done.stdout + done.stderr)[: len(named)], f"{command}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", sorted({block.page for block in PYTHON}))
def test_python_runs(page: str, home: Path) -> None:
    """Run the blocks of a page one after the other in one process, as a reader would."""
    mine = [block for block in PYTHON if block.page == page and not block.skip]
    program = "\n".join(
        f"exec(compile({_plain(block)!r}, {str(block)!r}, 'exec'), names)" for block in mine if block.text.strip()
    )
    (home / "blocks.py").write_text(f"names = {{'__name__': '__main__'}}\n{program}\n", encoding="utf-8")
    done = shell(home, f'"{sys.executable}" -W error blocks.py')
    assert done.returncode == 0, done.stdout + done.stderr


def _plain(block: Block) -> str:
    if ">>>" not in block.text:
        return block.text
    return doctest.script_from_examples(block.text)


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in target and not target.startswith("mailto:"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
