"""A file under several names is no copy of itself, and a dead path is no copy of the file that moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybrid_search import HybridIndex
from hybrid_search.duplicates.model import Member
from hybrid_search.duplicates.same_file import own_files
from hybrid_search.hits.evidence import Evidence
from tests.support.fakes import ColourEmbedder, save_photo
from tests.support.picture_files import described, indexed, write


def paths(members: list[Member]) -> list[str | None]:
    return [member.path for member in members]


def test_of_the_names_of_one_file_the_real_path_is_left(tmp_path: Path) -> None:
    real = write(tmp_path / "m/a.jpg", b"a")
    (tmp_path / "b").symlink_to(tmp_path / "m")
    (tmp_path / "c.jpg").symlink_to(real)
    (tmp_path / "z.jpg").hardlink_to(real)
    copy = write(tmp_path / "copy.jpg", b"a")
    names = [tmp_path / "b/a.jpg", tmp_path / "c.jpg", real, tmp_path / "z.jpg", copy]
    members = [indexed(path, tier="bytes" if number else None) for number, path in enumerate(names)]
    found = own_files(members)
    assert paths(found) == [str(real), str(copy)]
    assert found[0].evidence is None
    assert own_files(members[:4]) and len(own_files(members[:4])) == 1


def test_a_path_that_leads_nowhere_goes_where_its_bytes_are_elsewhere(tmp_path: Path) -> None:
    here = write(tmp_path / "new/a.jpg", b"a")
    living = indexed(here, tier="bytes")
    dead = Member(living.id, str(tmp_path / "old/a.jpg"), None, living.source)
    other = described(tmp_path / "unplugged/b.jpg", tier="near")
    found = own_files([dead, living, other])
    assert paths(found) == [str(here), other.path], "other bytes are nowhere else"
    assert found[0].evidence is None, "the others match it"


def test_where_nothing_is_here_everything_stays() -> None:
    members = [described("/far/a.jpg", sha256="x"), described("/far/b.jpg", sha256="x", tier="bytes")]
    away = [Member("x", "https://example.org/a.jpg"), Member("x", None, Evidence("bytes"))]
    assert own_files(members) == members
    assert own_files(away) == away


@pytest.mark.parametrize("link", ["hard", "soft", "folder", "renamed"])
def test_an_index_groups_no_file_with_itself(link: str, tmp_path: Path) -> None:
    first = save_photo(tmp_path / "one/a.png", 1)
    with HybridIndex(embedder=ColourEmbedder()) as index:
        if link == "renamed":
            index.add_folder(tmp_path / "one")
            (tmp_path / "one").rename(tmp_path / "two")
        elif link == "folder":
            (tmp_path / "two").symlink_to(tmp_path / "one")
        else:
            (tmp_path / "two").mkdir()
            second = tmp_path / "two/b.png"
            second.hardlink_to(first) if link == "hard" else second.symlink_to(first)
        for folder in (tmp_path / "one", tmp_path / "two"):
            if folder.exists():
                index.add_folder(folder, follow_symlinks=True)
        assert len(index) == 1
        assert list(index.duplicate_groups()) == []
        copy = tmp_path / "copy.png"
        copy.write_bytes((tmp_path / "two" if link == "renamed" else tmp_path / "one").joinpath("a.png").read_bytes())
        index.add_folder(copy)
        (group,) = index.duplicate_groups()
        assert len(group.members) == 2
