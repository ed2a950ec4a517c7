"""Which files of a folder may describe which of its pictures, by their names, Google Takeout's among them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from hybrid_search.images import is_candidate

_FORM = ".supplemental-metadata"
"""What Takeout writes between the name of a picture and ".json"; it cuts it anywhere."""
_CUT = 40
"""Characters that a name has at least which Takeout may have cut; it cuts pictures' at 47, sidecars' at 51."""
_COUNT = re.compile(r"(.+)(\(\d+\))")
_EDITED = re.compile(
    "-(?:edited|effects|smile|mix|bearbeitet|modifi[ée]e?|modificat[oa]|ha editado|editad[oa]|editat|bewerkt|redigerad"
    "|redigeret|redigert|muokattu|edytowane|upraveno|szerkesztve|düzenlendi|изменено|измененный|відредаговано"
    "|編集済み|已修改|已编辑|已編輯|수정됨)",
    re.IGNORECASE,
)
"""What Takeout adds to the name of a picture that was edited, in the language of its owner."""


class SidecarFile(NamedTuple):
    """A file that may describe a picture.

    Parameters
    ----------
    name : str
        As the folder has it.
    doubtful : bool
        Whether its name may be another picture's too, so that the title in it decides.
    """

    name: str
    doubtful: bool = False


class SidecarNames:
    """The sidecars among the names of a folder, looked up by the name of a picture.

    Parameters
    ----------
    names : iterable of str
        Names of the files of one folder.

    Examples
    --------
    >>> SidecarNames(["a.jpg.xmp", "a.jpg(1).json", "b.json"]).of("a(1).jpg")
    [SidecarFile(name='a.jpg(1).json', doubtful=False)]
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._named: dict[tuple[str, str], list[str]] = {}
        self._stems: dict[tuple[str, str], list[str]] = {}
        self._cut: dict[tuple[str, str], list[str]] = {}
        for name in sorted(names):
            base, _, suffix = name.rpartition(".")
            suffix = suffix.lower()
            if suffix not in ("xmp", "json") or not base:
                continue
            base = _composed(base)
            self._named.setdefault((suffix, base), []).append(name)
            if suffix == "json":
                self._add_takeout(name, base)

    def _add_takeout(self, name: str, base: str) -> None:
        plain, count = _split_count(base)
        start = plain.rfind(".")
        if start > 0 and _FORM.startswith(plain[start:].lower()):
            self._named.setdefault((count, plain[:start]), []).append(name)
            self._stems.setdefault((count, _stem(plain[:start])), []).append(name)
        if count:
            self._named.setdefault((count, plain), []).append(name)
        self._stems.setdefault((count, _stem(plain)), []).append(name)
        if len(plain) >= _CUT:
            self._cut.setdefault((count, plain[:_CUT]), []).append(name)

    def of(self, picture: str) -> list[SidecarFile]:
        """Return what may describe a picture, the last to be believed most."""
        picture = _composed(picture)
        stem, suffix = _stem(picture), picture[len(_stem(picture)) :]
        found = {
            name: SidecarFile(name)
            for key in (("xmp", stem), ("xmp", picture), ("json", stem), ("json", picture))
            for name in self._named.get(key, ())
        }
        if not self._stems:
            return list(found.values())
        plain, count = _split_count(stem)
        sure = [*self._named.get(("", picture), ()), *(self._named.get((count, plain + suffix), ()) if count else ())]
        found.update((name, SidecarFile(name)) for name in sure)
        doubtful = [*self._named.get(("", stem), ()), *(self._named.get((count, plain), ()) if count else ())]
        if len(picture) >= _CUT:
            doubtful += self._cut.get((count, plain[:_CUT]), ())
        original = without_edit(stem)
        if original != stem and not any(name[-5:].lower() == ".json" for name in found):
            plain, count = _split_count(original)
            # the original may have another suffix, as HEIC has
            doubtful += self._stems.get((count, plain), ())
        for name in doubtful:
            found.setdefault(name, SidecarFile(name, doubtful=True))
        return list(found.values())


def without_edit(stem: str) -> str:
    """Return the stem of a picture's name as it was before Takeout marked it as edited.

    Examples
    --------
    >>> without_edit("IMG_1-bearbeitet"), without_edit("IMG_1-edited(2)"), without_edit("IMG_1(2)-edited")
    ('IMG_1', 'IMG_1(2)', 'IMG_1(2)')
    """
    plain, count = _split_count(stem)
    marks = list(_EDITED.finditer(plain))
    return plain[: marks[-1].start()] + count if marks and marks[-1].end() == len(plain) else stem


def fits_title(picture: str, title: str) -> bool:
    """Tell whether a picture may have the title of a Takeout sidecar: the name that it had before Takeout changed it.

    Takeout replaces what file systems refuse, counts, marks edits and cuts.

    Examples
    --------
    >>> fits_title("a_b-edited(1).jpg", "a?b.HEIC"), fits_title("a1.jpg", "a2.jpg")
    (True, False)
    """
    stem = _split_count(without_edit(_stem(_composed(picture))))[0]
    whole = _composed(title)
    names = [whole, _stem(whole)] if is_candidate(whole) else [whole]
    known, wanted = _plain(stem), [_plain(name) for name in names]
    return known in wanted or (len(picture) >= _CUT and any(name.startswith(known) for name in wanted))


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _split_count(stem: str) -> tuple[str, str]:
    counted = _COUNT.fullmatch(stem)
    return (counted[1], counted[2]) if counted else (stem, "")
