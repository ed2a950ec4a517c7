"""Pictures of stored documents, read again from the first of their paths that still has their bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from hybrid_search.errors import ImageError, ImageUnreadable
from hybrid_search.images import Limits, Source, read_source

Made = TypeVar("Made")


@dataclass(frozen=True)
class ReadPicture(Generic[Made]):
    """What was made of a stored picture, or why nothing could be.

    Parameters
    ----------
    id, path, sha256 : str
        Of the document: its id, the path that was read or the first, and the digest of the bytes.
    made : object or None
        None where there is a `failure`.
    failure : str
        Empty where something was made.
    """

    id: str
    path: str
    sha256: str
    made: Made | None = None
    failure: str = ""


def read_stored(
    id: str, source: Mapping[str, Any], make: Callable[[Source], Made], *, limits: Limits
) -> ReadPicture[Made]:
    """Read a picture from the first of its paths that still has its bytes, and make something of it.

    Parameters
    ----------
    id : str
    source : mapping
        The document's `path` and `sha256`.
    make : callable
        What is wanted of the bytes; what it raises is the failure of this picture alone.
    limits : Limits
        The largest picture that is accepted.
    """
    paths, problem = list(source.get("path") or ()), "it came without a file"
    sha256 = str(source.get("sha256"))
    for path in paths:
        try:
            read = read_source(path, limits=limits)
            if read.sha256 == sha256:
                return ReadPicture(id, path, sha256, make(read))
            problem = "the file has other bytes now; index its folder again"
        except ImageError as error:
            problem = str(getattr(error, "reason", error))
        except Exception as error:
            # a decoder that fails in a new way costs its own file, never the run
            problem = str(ImageUnreadable(path, f"{type(error).__name__}: {error}"))
    return ReadPicture(id, paths[0] if paths else id, sha256, failure=problem)
