"""Files that commands write for people: none takes the place of a file that no such command wrote, unless told to."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import typer

GENERATOR = "hybrid-search"
"""What pages say in their generator tag, and pictures as their software, so that a later run may replace them."""

_TAG = f'<meta name="generator" content="{GENERATOR}">'.encode()
_HEAD_BYTES = 4096
_SOFTWARE = 0x0131  # the EXIF tag Software


def check_replaceable(path: Path, *, force: bool, remedy: str = "--force replaces it") -> None:
    """Refuse a path at which another file lies.

    Parameters
    ----------
    path : Path
        The file that is to be written.
    force : bool
        Whether any file may be replaced.
    remedy : str
        What the error says that helps.

    Raises
    ------
    typer.BadParameter
        When there is one that no command of this program wrote, and `force` was not given; or there is a folder.
    """
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder")
    if os.path.lexists(path) and not force and not is_ours(path):
        raise typer.BadParameter(f"there is a file {path} that hybrid-search did not write; {remedy}")


def is_ours(path: Path) -> bool:
    """Tell whether a file is a page or a picture that a command of this program wrote."""
    try:
        if path.is_symlink() or not path.is_file():
            return False
        with open(path, "rb") as file:
            if _TAG in file.read(_HEAD_BYTES):
                return True
    except OSError:
        return False
    return _software(path) == GENERATOR


@contextmanager
def replacing(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Give a file to write beside a path, which takes its place when it is whole; what fails leaves the other as it is.

    Raises
    ------
    typer.BadParameter
        As `check_replaceable` does, also of a file that came while this one was written.
    """
    check_replaceable(path, force=force)
    draft = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        yield draft
        with open(draft, "rb") as file:
            os.fsync(file.fileno())
        _put(draft, path, force=force)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _put(draft: Path, path: Path, *, force: bool) -> None:
    check_replaceable(path, force=force)
    if not os.path.lexists(path):
        try:
            # unlike renaming, this never takes the place of a file that came a moment ago
            os.link(draft, path)
        except FileExistsError:
            check_replaceable(path, force=force)
        except OSError as error:
            if error.errno == errno.ENOENT:
                raise
        else:
            draft.unlink()
            return
    os.replace(draft, path)


def _software(path: Path) -> str:
    from PIL import Image

    from hybrid_search.images.decoder_warnings import quiet

    # whatever is wrong with a picture, it is none of ours
    with suppress(Exception), quiet(), Image.open(path) as image:
        comment = image.info.get("comment", b"")
        if comment in (GENERATOR, GENERATOR.encode()):
            return GENERATOR
        return str(image.getexif().get(_SOFTWARE, ""))
    return ""
