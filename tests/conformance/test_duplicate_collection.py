"""All groups of an index: the same in any order and on any backend, compared once, resumed where they were cut."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from hybrid_search.backends import Action, Backend
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.duplicates.collect import checkpoint, comparison
from hybrid_search.duplicates.collect.collection import duplicate_groups
from hybrid_search.errors import MappingMismatch, QueryError
from tests.support.duplicates import BACKENDS, KEY, SignatureJudge, definition, document, new_indexes, put, shown, whole

SIGNATURES = ("bytes", "pixels", "near", "transformed")
SET = [
    *(document(seed) for seed in range(24)),
    document(0, "small"),
    document(0, "smaller"),
    document(1, "same"),
    document(2, "mirrored"),
    document(3, "turned"),
    document(4, "negative"),
    document(5, "small", paths=["/photos/5s.jpg", "/other/5s.jpg"]),
    # gone, so that it is in no group
    document(6, "small", files=[{"path": "/photos/6small.jpg", "missing": True}]),
    document(50, paths=["/photos/a.jpg", "/photos/b.jpg"]),
    document(-1, width=50, height=40, bytes=2000),
    document(-1, "same", width=50, height=40, paths=["/photos/white.jpg"]),
    ("mine", document(7)[1] | {"path": ["/mine/7.jpg"], "files": [{"path": "/mine/7.jpg"}]}),
]
GROUPS = [
    ("/photos/0.jpg", {"/photos/0small.jpg": "near", "/photos/0smaller.jpg": "near"}),
    ("/photos/1.jpg", {"/photos/1same.jpg": "pixels"}),
    ("/photos/2.jpg", {"/photos/2mirrored.jpg": "transformed"}),
    ("/photos/3.jpg", {"/photos/3turned.jpg": "transformed"}),
    ("/photos/4.jpg", {"/photos/4negative.jpg": "transformed"}),
    ("/photos/5.jpg", {"/photos/5s.jpg": "near", "/other/5s.jpg": "near"}),
    ("/photos/7.jpg", {"/mine/7.jpg": "bytes"}),
    ("/photos/a.jpg", {"/photos/b.jpg": "bytes"}),
    ("/photos/-1.jpg", {"/photos/white.jpg": "pixels"}),
]


@pytest.fixture(params=BACKENDS)
def make(request: pytest.FixtureRequest) -> Iterator[Callable[[], Backend]]:
    """Return a function that gives a new, empty index."""
    with new_indexes(request) as new:
        yield new


def find(backend: Backend, judge: SignatureJudge | None = None, **options: Any) -> list[Any]:
    options = {"tiers": SIGNATURES, **options}
    return list(duplicate_groups(backend, KEY, judge=judge or SignatureJudge(), **options))


def links(found: Sequence[Any]) -> list[tuple[str, dict[str, str]]]:
    """Return representatives with the tiers of the others; groups of equal size come in the order of their hashes."""
    return sorted((each[0][0], dict(each[1:])) for each in shown(found))


def test_all_groups_of_a_collection(make):
    backend = make()
    put(backend, SET)
    found = find(backend)
    expected = [(first, others) for first, others in GROUPS]
    # of equal bytes the smaller id stands first
    if "mine" < document(7)[0]:
        expected[7] = ("/mine/7.jpg", {"/photos/7.jpg": "bytes"})
    assert links(found) == sorted(expected)
    assert all(each.members[0].source["sha256"] and each.members[0].evidence is None for each in found)


def test_the_order_of_insertion_does_not_matter(make):
    seen = []
    for seed in range(3):
        backend, mixed = make(), list(SET)
        random.Random(seed).shuffle(mixed)
        for start in range(0, len(mixed), 10):
            put(backend, mixed[start : start + 10])
        seen.append([whole(each) for each in find(backend)])
    assert seen[0] == seen[1] == seen[2]


def test_one_by_one_gives_the_groups_of_all_at_once(make):
    backend, all_at_once = make(), make()
    mixed = list(SET)
    random.Random(4).shuffle(mixed)
    for number, start in enumerate(range(0, len(mixed), 9)):
        late = {"indexed_at": f"2024-05-0{number + 1}T10:00:00.000+00:00"}
        put(backend, [(id, source | late) for id, source in mixed[start : start + 9]])
        find(backend)
    put(all_at_once, mixed)
    assert [whole(each) for each in find(backend)] == [whole(each) for each in find(all_at_once)]


def test_what_was_compared_is_not_compared_again(make):
    backend, (first, second, third) = make(), (SignatureJudge(0.1, look_distance=0.45) for _ in range(3))
    put(backend, SET[:-8])
    before = find(backend, first)
    # what did not match is remembered too
    assert len(first.asked) > sum(len(each.members) for each in before)
    again = find(backend, second)
    assert second.asked == [] and [whole(each) for each in again] == [whole(each) for each in before]
    put(backend, SET[-8:])
    find(backend, third)
    new = {id for id, _ in SET[-8:]}
    assert third.asked and all(new & set(pair) for pair in third.asked)


@pytest.mark.parametrize("few", [True, False])
def test_a_few_new_ones_are_asked_of_the_index(make, monkeypatch, few):
    monkeypatch.setattr(comparison, "_FEW_OF", 2 if few else 10**6)
    backend = make()
    put(backend, [entry for entry in SET if entry not in SET[24:31]])
    find(backend)
    judge = SignatureJudge()
    put(backend, SET[24:31])
    found = links(find(backend, judge))
    assert {first for first, _ in found} >= {f"/photos/{number}.jpg" for number in range(6)}
    fresh = make()
    put(fresh, SET)
    assert found == links(find(fresh))


def test_only_documents_of_groups_are_written(make):
    backend = make()
    put(backend, SET)
    found = find(backend)
    together = {file.id for each in found for file in each.members}
    stored = {id: source.get("duplicate") for id, source in backend.scan(fields=("duplicate",))}
    assert len([id for id, kept in stored.items() if kept and kept.get("compared")]) == 1
    assert {id for id, kept in stored.items() if kept and kept.get("group")} == together
    for each in found:
        for file in each.members:
            assert stored[file.id]["group"] == each.id
            assert stored[file.id]["size"] == len(each.members)
    matches = {(id, other) for id, kept in stored.items() for other in (kept or {}).get("matches") or ()}
    assert (document(0)[0], document(0, "small")[0]) in matches or (
        document(0, "small")[0],
        document(0)[0],
    ) in matches
    assert backend.count({"exists": {"field": "duplicate.matches"}}) == len({id for id, _ in matches})


def test_nothing_is_written_unless_it_is_saved(make):
    backend = make()
    put(backend, SET)
    assert links(find(backend, save=False)) == links(find(backend, save=False))
    assert all("duplicate" not in source for _, source in backend.scan(fields=("duplicate",)))


def test_a_document_that_leaves_its_group_is_told_so(make):
    backend = make()
    put(backend, SET)
    find(backend)
    small, smaller, large = document(0, "small")[0], document(0, "smaller")[0], document(0)[0]
    backend.bulk([Action("delete", large)])
    backend.refresh()
    found = [each for each in find(backend) if each.id == small]
    assert [file.id for file in found[0].members] == [small, smaller]
    backend.bulk([Action("delete", smaller)])
    backend.refresh()
    assert small not in {each.id for each in find(backend)}
    assert backend.get(small)["duplicate"]["group"] is None


def test_other_bytes_under_a_name_are_compared_anew(make):
    backend = make()
    # the oldest, so that the other document holds what was found out about both
    put(backend, [*SET[:10], ("named", document(3, "small")[1] | {"indexed_at": "2023-01-01T00:00:00+00:00"})])
    assert any("named" in {file.id for file in each.members} for each in find(backend))
    _, other = document(40)
    put(backend, [("named", other | {"indexed_at": "2024-06-01T00:00:00+00:00"})])
    judge = SignatureJudge()
    assert find(backend, judge) == []
    assert judge.asked == [] or all("named" in pair for pair in judge.asked)


def test_another_rule_finds_its_own(make):
    backend = make()
    put(backend, SET)
    usual = links(find(backend))
    near = links(find(backend, tiers=("bytes", "pixels", "near")))
    assert near == [(first, others) for first, others in usual if set(others.values()) <= {"bytes", "pixels", "near"}]
    exact = links(find(backend, tiers=("bytes",)))
    assert [set(others.values()) for _, others in exact] == [{"bytes"}, {"bytes"}, {"bytes"}]
    # the first rule's matches were replaced meanwhile, and are found again
    assert links(find(backend)) == usual


def test_a_filter_leaves_the_others_out_and_keeps_what_is_known(make):
    backend = make()
    put(backend, SET)
    small = {"range": {"width": {"lte": 120}}}
    found = links(find(backend, filter=small))
    assert ("/photos/0small.jpg", {"/photos/0smaller.jpg": "near"}) in found
    assert all("duplicate" not in s or not s["duplicate"].get("group") for _, s in backend.scan(fields=("duplicate",)))
    everything = find(backend)
    judge = SignatureJudge()
    assert links(find(backend, judge, filter=small)) == found and judge.asked == []
    assert links(find(backend)) == links(everything)


def test_two_folders_against_each_other(make):
    backend = make()
    put(
        backend,
        [
            document(0, paths=["/old/0.jpg"]),
            document(0, "small", paths=["/new/0.jpg"]),
            document(0, "smaller", paths=["/new/deep/0.jpg"]),
            document(1, "small", paths=["/old/1.jpg"]),
            document(1, paths=["/new/1.jpg"]),
            document(2, paths=["/new/2a.jpg"]),
            document(2, "small", paths=["/new/2b.jpg"]),
            document(3, paths=["/old/3.jpg", "/old/again.jpg", "/new/3.jpg"]),
            document(4, paths=["/old/4.jpg"]),
            document(4, "small", paths=["/older/4.jpg"]),
        ],
    )
    expected = [
        ("/old/0.jpg", {"/new/0.jpg": "near", "/new/deep/0.jpg": "near"}),
        ("/old/1.jpg", {"/new/1.jpg": "near"}),
        ("/old/3.jpg", {"/new/3.jpg": "bytes"}),
    ]
    assert links(find(backend, between=("/old", "/new"))) == expected
    find(backend)
    judge = SignatureJudge()
    assert links(find(backend, judge, between=("/old", "/new"))) == expected and judge.asked == []
    with pytest.raises(QueryError, match="within the other"):
        find(backend, between=("/old", "/old/new"))


def test_a_reference_folder_represents_and_is_not_searched_itself(make):
    backend = make()
    put(
        backend,
        [
            document(0, "small", paths=["/kept/0.jpg"]),
            document(0, "smaller", paths=["/kept/0again.jpg"]),
            document(0, paths=["/in/0.jpg"]),
            document(1, paths=["/kept/1.jpg", "/kept/1again.jpg"]),
            document(2, paths=["/in/2.jpg"]),
            document(2, "small", paths=["/in/2small.jpg"]),
            document(3, paths=["/in/3.jpg", "/kept/3.jpg"]),
        ],
    )
    found = links(find(backend, reference=["/kept"]))
    assert ("/in/2.jpg", {"/in/2small.jpg": "near"}) in found
    assert ("/kept/3.jpg", {"/in/3.jpg": "bytes"}) in found
    assert len(found) == 3
    (third,) = (entry for entry in found if entry[1] == {"/in/0.jpg": "near"})
    assert third[0] in ("/kept/0.jpg", "/kept/0again.jpg")


def test_more_copies_than_are_neighbours_are_one_group(make):
    backend = make()
    many = [(f"copy{number}", document(8, "small")[1] | {"sha256": f"{number:064x}"}) for number in range(60)]
    put(backend, [document(8), *many, *SET[10:20]])
    (found,) = find(backend)
    assert len(found.members) == 61 and found.id == document(8)[0]


def test_progress_is_told(make):
    backend, told = make(), []
    put(backend, SET)
    find(backend, progress=lambda done, total: told.append((done, total)))
    assert told[0] == (0, len(SET)) and told[-1] == (len(SET), len(SET))
    # the bar moves with the pairs, long before the first lot of pictures is done
    assert len(told) > 3 and told == sorted(set(told))


def test_an_empty_index_has_no_groups(make):
    assert find(make()) == []


def test_neighbours_by_embedding_are_proposed_for_edits(make):
    backend = make()
    put(backend, [*SET[:10], document(3, "turned")])

    class Edited(SignatureJudge):
        def judge(self, a: Any, b: Any, *, cosine: float | None = None) -> Any:
            super().judge(a, b)
            self.cosines = [*getattr(self, "cosines", []), cosine]
            return None

    judge = Edited(needs_vectors=True)
    assert find(backend, judge, tiers=("edited",)) == []
    assert all(cosine is not None and 0 < cosine <= 1 for cosine in judge.cosines)
    asked = [set(pair) for pair in judge.asked]
    assert all(sum(id in pair for pair in asked) >= 5 for id, _ in SET[:10])


def test_an_index_of_before_says_what_to_do(tmp_path):
    with_none = definition()
    del with_none["mappings"]["properties"]["duplicate"]["properties"]["matches"]
    backend = EmbeddedBackend(None)
    backend.create(with_none)
    with pytest.raises(MappingMismatch, match=r"transfer\.migrate` brings it up to date"):
        find(backend)


@pytest.mark.parametrize("tiers", [(), ("nearly",)])
def test_unknown_tiers(tiers):
    backend = EmbeddedBackend(None)
    backend.create(definition())
    with pytest.raises(QueryError, match="tier"):
        find(backend, tiers=tiers)


CHILD = """
import sys, time
from pathlib import Path
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.duplicates.collect import comparison
from hybrid_search.duplicates.collect.collection import duplicate_groups
from tests.support.duplicates import KEY, SignatureJudge

comparison._TOGETHER, comparison._SAVED_EVERY_S = 8, 0.0

class Slow(SignatureJudge):
    def judge(self, a, b, *, cosine=None):
        time.sleep(0.005)
        print(a.id, b.id, flush=True)
        return super().judge(a, b, cosine=cosine)

backend = EmbeddedBackend(Path(sys.argv[1]))
tiers = ("bytes", "pixels", "near", "transformed")
for group in duplicate_groups(backend, KEY, judge=Slow(0.45), tiers=tiers):
    pass
print("done", flush=True)
backend.close()
"""


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path):
    place = tmp_path / "index"
    with_copies = [document(seed, kind) for seed in range(36) for kind in ("", "small", "mirrored")]
    backend, fresh = EmbeddedBackend(place), EmbeddedBackend(None)
    for each in (backend, fresh):
        each.create(definition())
        put(each, with_copies)
    backend.close()
    expected = [whole(each) for each in find(fresh, SignatureJudge(0.45))]
    asked: list[tuple[str, ...]] = []
    kills = 0
    for attempt in itertools.count():
        assert attempt < 30
        command = [sys.executable, "-c", CHILD, str(place)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None and child.stderr is not None
            first = child.stdout.readline()
            assert first, child.stderr.read()
            time.sleep(0.35)
            child.kill()
            lines = [first, *child.stdout]
        asked += [tuple(line.split()) for line in lines if line.count(" ") == 1]
        if "done\n" in lines:
            break
        kills += 1
    assert kills >= 2
    # what was under way when it was killed is asked again, and no more than that
    assert len(asked) < 2 * len(set(asked))
    backend = EmbeddedBackend(place)
    judge = SignatureJudge(0.45)
    assert [whole(each) for each in find(backend, judge)] == expected
    assert judge.asked == []
    backend.close()


def test_many_small_runs_leave_few_marks(make, monkeypatch):
    monkeypatch.setattr(checkpoint, "_SPARE", 2)
    backend = make()
    for start in range(0, 24, 4):
        put(backend, SET[start : start + 4])
        find(backend)
        assert backend.count({"exists": {"field": "duplicate.compared_by"}}) <= 3
    judge = SignatureJudge()
    find(backend, judge)
    assert judge.asked == []


def test_what_a_lost_mark_stood_for_is_compared_again(make):
    backend = make()
    put(backend, SET)
    expected = links(find(backend))
    (host,) = [id for id, _ in backend.scan({"exists": {"field": "duplicate.compared_by"}}, fields=("sha256",))]
    backend.bulk([Action("update", host, {"duplicate": {"compared_by": None, "compared": None}})])
    backend.refresh()
    judge = SignatureJudge()
    assert links(find(backend, judge)) == expected
    # pairs that matched are known, and are not judged again
    assert judge.asked == [] or len(judge.asked) < len(SET)
    again = SignatureJudge()
    assert links(find(backend, again)) == expected and again.asked == []
