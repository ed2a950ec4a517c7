"""What the index knows of files, and how that changes during a run."""

from __future__ import annotations

from hybrid_search.document.document import FileFacts
from hybrid_search.ingest.catalog import Catalog


def _facts(path: str, **changes: object) -> FileFacts:
    return FileFacts(path, 10, 1_000, **changes)  # type: ignore[arg-type]


def test_one_document_may_lie_at_several_paths() -> None:
    catalog = Catalog([("id1", _facts("/a.jpg")), ("id1", _facts("/b.jpg")), ("id2", _facts("/c.jpg"))])
    assert [facts.path for facts in catalog.files("id1")] == ["/a.jpg", "/b.jpg"]
    assert catalog.at("/c.jpg") == ("id2", _facts("/c.jpg"))
    assert catalog.at("/d.jpg") is None


def test_a_path_belongs_to_the_document_put_there_last() -> None:
    catalog = Catalog([("old", _facts("/a.jpg"))])
    catalog.put("new", _facts("/a.jpg"))
    assert catalog.at("/a.jpg") == ("new", _facts("/a.jpg"))
    assert "old" not in catalog and "new" in catalog


def test_several_documents_may_have_come_from_one_url() -> None:
    catalog = Catalog([("old", FileFacts("http://cam/now.jpg")), ("old", _facts("/a.jpg"))])
    catalog.put("new", FileFacts("http://cam/now.jpg"))
    assert [facts.path for facts in catalog.files("old")] == ["http://cam/now.jpg", "/a.jpg"]
    assert "new" in catalog and catalog.at("http://cam/now.jpg") is None
    assert [facts.path for _, facts in catalog] == ["/a.jpg"], "a URL is no file that can vanish"


def test_facts_survive_the_document() -> None:
    facts = _facts("/a.jpg", sidecars="aa", captions="bb", missing=True)
    assert FileFacts.from_json(facts.to_json()) == facts
    assert FileFacts.from_json({"path": "http://a/b.jpg"}) == FileFacts("http://a/b.jpg")
    assert FileFacts("http://a/b.jpg").to_json() == {"path": "http://a/b.jpg"}
    assert FileFacts("/a.jpg", 0, 0).to_json() == {"path": "/a.jpg", "bytes": 0, "mtime_ns": 0}
    assert _facts("/a.jpg").to_json() == {"path": "/a.jpg", "bytes": 10, "mtime_ns": 1_000}
