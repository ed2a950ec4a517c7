"""Metric learning on stored vectors: what it learns from, its losses, and that it claims no gain that is not there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hybrid_search import HybridIndex, cli
from hybrid_search.embedders import Embedder
from hybrid_search.embedders.histogram_hog import HistogramHog
from hybrid_search.embedders.registry import get_embedder
from hybrid_search.embedders.trained import head_embedder as embedder
from hybrid_search.embedders.trained.trained_file import describe, save
from hybrid_search.errors import EmbedderMismatch, TextNotSupported, TrainingImpossible, WeightsMissing
from hybrid_search.training import examples as reading
from hybrid_search.training import head as training
from hybrid_search.training import losses, ranking_gain, split
from hybrid_search.training.examples import Examples
from hybrid_search.training.head import label_batches

pytestmark = pytest.mark.skipif(
    find_spec("tensorflow") is None, reason="TensorFlow is not installed: pip install 'hybrid-search[tensorflow]'"
)


def unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def clustered(seed: int, *, labels: int = 12, each: int = 20, helpful: bool = True) -> Examples:
    """Return vectors that tell their labels in 4 of 32 numbers, the others being louder noise; or labels at random."""
    random = np.random.default_rng(seed)
    label = np.repeat(np.arange(labels), each)
    vectors = random.normal(0, 1, (len(label), 32))
    vectors[:, :4] = 0.6 * random.normal(0, 1, (labels, 4))[label] + random.normal(0, 0.1, (len(label), 4))
    if not helpful:
        random.shuffle(label)
    marks = tuple(frozenset([f"label {at}"]) for at in label)
    return Examples(unit(vectors), marks, tuple(map(str, range(len(label)))))


# -- what there is to learn from ---------------------------------------------------------------------------------------


@pytest.fixture
def index(tmp_path: Path) -> Iterator[HybridIndex]:
    """Return an index of 2 folders of 9 pictures, tagged by colour; one more in a third folder."""
    random = np.random.default_rng(0)
    with HybridIndex(embedder="histogram+hog") as opened:
        for at in range(19):
            folder = tmp_path / ("red" if at < 9 else "blue" if at < 18 else "other")
            folder.mkdir(exist_ok=True)
            shade = random.integers(0, 80, (70, 70, 3), dtype=np.uint8)
            shade[..., 0 if at < 9 else 2] += 150
            Image.fromarray(shade).save(folder / f"{at}.png")
            tags = ["everywhere", "warm" if at < 9 else "cold"] if at < 18 else []
            opened.add(folder / f"{at}.png", metadata={"tags": tags})
        opened.refresh()
        yield opened


def test_folders_are_labels_and_those_of_few_pictures_are_left_out(index: HybridIndex) -> None:
    key, spec = reading.spec_in(index.backend)
    found = reading.read_examples(index.backend, key, source="folders")
    assert Counter(Path(next(iter(marks))).name for marks in found.marks) == {"red": 9, "blue": 9}
    assert found.vectors.shape == (18, spec.dims)
    assert len(set(found.groups)) == 18


def test_tags_that_most_pictures_have_are_left_out(index: HybridIndex) -> None:
    found = reading.read_examples(index.backend, "histogram_hog", source="tags")
    assert found.labels == ("cold", "warm")
    assert found.incidence().sum(axis=0).tolist() == [9, 9]


def test_an_index_without_such_labels_says_so(index: HybridIndex) -> None:
    with pytest.raises(TrainingImpossible, match=r"0 labels are there.*two are the least"):
        reading.read_examples(index.backend, "histogram_hog", source="labels")
    with pytest.raises(TrainingImpossible, match=r"0 groups of copies.*`HybridIndex\.duplicate_groups`"):
        reading.read_examples(index.backend, "histogram_hog", source="groups")
    with pytest.raises(TrainingImpossible, match=r"from folders: 1 folder is there, 1 of them"):
        reading._demand("folders", found=1, usable=1)
    for name, says in (
        ("lite", r"'lite'; `HybridIndex\.add_embedder\('lite'\)` adds such; or name one that it holds"),
        (
            "histogram+hug",
            r"no embedder 'histogram\+hug' at all; name one that it holds. Did you mean 'histogram\+hog'",
        ),
        ("minilm", "'minilm' embeds words alone, such as those that are written about pictures; name one"),
    ):
        with pytest.raises(EmbedderMismatch, match=rf"holds embeddings of embedder 'histogram\+hog', not of .*{says}"):
            reading.spec_in(index.backend, embedder=name)


def test_an_empty_index_says_that_it_has_no_vectors() -> None:
    with HybridIndex(embedder="histogram+hog") as opened, pytest.raises(TrainingImpossible, match="no vectors"):
        reading.read_examples(opened.backend, "histogram_hog", source="folders")


def test_one_label_alone_is_too_few() -> None:
    alike = Examples(np.ones((20, 2), np.float32), (frozenset("a"),) * 20, tuple(map(str, range(20))))
    with pytest.raises(TrainingImpossible, match="1 folder is there, 1 of them with 8 pictures or more"):
        reading.keep_usable(alike, source="folders")


def test_copies_count_once_towards_a_labels_pictures() -> None:
    marks = (frozenset("a"),) * 10 + (frozenset("b"),) * 10 + (frozenset("c"),) * 10
    groups = ("copies",) * 10 + tuple(map(str, range(20)))
    kept = reading.keep_usable(Examples(np.ones((30, 2), np.float32), marks, groups), source="folders")
    assert kept.labels == ("b", "c")


# -- parts -------------------------------------------------------------------------------------------------------------


def with_copies(seed: int) -> Examples:
    """Return 40 pictures of each of 12 labels, a third of them in pairs of copies."""
    found = clustered(seed, each=40)
    groups = [f"pair {row // 2}" if row % 40 < 14 else str(row) for row in range(len(found))]
    return Examples(found.vectors, found.marks, tuple(groups))


@pytest.mark.parametrize("seed", range(3))
def test_each_picture_is_in_one_part_and_copies_stay_together(seed: int) -> None:
    found = with_copies(seed)
    parts = split.split_examples(found, seed=seed)
    rows = [parts.train, parts.validation, parts.test, parts.new]
    assert sorted(np.concatenate(rows)) == list(range(len(found)))
    held = [{found.groups[row] for row in part} for part in rows]
    assert sum(map(len, held)) == len(set().union(*held))


@pytest.mark.parametrize("seed", range(3))
def test_labels_are_shared_out_in_proportion_and_held_out_ones_are_nowhere_else(seed: int) -> None:
    found = with_copies(seed)
    parts = split.split_examples(found, seed=seed)
    assert len(parts.new_labels) == 2
    assert {mark for row in parts.new for mark in found.marks[row]} == set(parts.new_labels)
    for part, wanted in ((parts.train, 24), (parts.validation, 8), (parts.test, 8)):
        counted = Counter(mark for row in part for mark in found.marks[row])
        assert len(counted) == 10 and all(abs(number - wanted) <= 2 for number in counted.values())


def test_the_seed_decides_the_parts() -> None:
    found = with_copies(0)
    one, again, other = (split.split_examples(found, seed=seed).train.tolist() for seed in (1, 1, 2))
    assert one == again != other


def test_pictures_without_labels_are_shared_out_too() -> None:
    parts = split.stratify([frozenset()] * 10, [1] * 10, shares=(0.6, 0.2, 0.2), seed=0)
    assert [len(part) for part in parts] == [6, 2, 2]


def test_a_batch_has_as_many_pictures_of_each_label_as_asked() -> None:
    table = np.repeat(np.eye(9, dtype=bool), 6, axis=0)
    batches = list(label_batches(table, labels=3, pictures=3, random=np.random.default_rng(0)))
    counts = [table[rows].sum(axis=0) for rows in batches]
    assert [sorted(count)[-4:] for count in counts] == [[0, 3, 3, 3]] * 6
    assert sum(counts).tolist() == [6] * 9


def test_of_few_labels_more_pictures_come() -> None:
    table = np.repeat(np.eye(2, dtype=bool), 40, axis=0)
    (rows, *others) = label_batches(table, labels=16, pictures=4, random=np.random.default_rng(0))
    assert table[rows].sum(axis=0).tolist() == [32, 32] and len(others) == 1


# -- losses, against numbers by hand and plain loops -------------------------------------------------------------------

SQUARE = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
"""Squared distances 2, 4, 2."""


def same_as(labels: list[int]) -> NDArray[np.float32]:
    return np.equal.outer(labels, labels).astype(np.float32)


def test_contrastive_loss_by_hand() -> None:
    # the one pair is at distance √2; of the others one is at √2, and one at 2, beyond the margin
    found = float(losses.contrastive_loss(SQUARE, same_as([0, 0, 1]), margin=1.8))
    assert found == pytest.approx(2 / 2 + (1.8 - 2**0.5) ** 2 / 2, rel=1e-5)


def test_triplet_loss_by_hand() -> None:
    # from the first to the second 2, to the third 4: 2 - 4 + 2.5; from the second both are at 2, none is farther
    found = float(losses.triplet_loss(SQUARE, same_as([0, 0, 1]), margin=2.5))
    assert found == pytest.approx((0.5 + 2.5) / 2, rel=1e-5)


def test_supcon_loss_is_that_of_plain_loops() -> None:
    random = np.random.default_rng(1)
    vectors, labels = unit(random.normal(0, 1, (14, 3))).astype(np.float64), [*random.integers(0, 4, 13), 9]
    raised, each = np.exp(vectors @ vectors.T / 0.2), []
    for at in range(14):
        rest = [raised[at, other] for other in range(14) if other != at]
        own = [raised[at, other] for other in range(14) if other != at and labels[other] == labels[at]]
        if own:
            each.append(-np.mean(np.log(np.array(own) / sum(rest))))
    assert len(each) == 13, "the last is alone"
    found = float(losses.supcon_loss(vectors.astype(np.float32), same_as(labels), temperature=0.2))
    assert found == pytest.approx(np.mean(each), rel=1e-5)


def test_a_batch_of_one_label_or_of_none_twice_costs_nothing() -> None:
    assert float(losses.triplet_loss(SQUARE, same_as([0, 0, 0]))) == 0
    assert float(losses.triplet_loss(SQUARE, same_as([0, 1, 2]))) == 0
    assert float(losses.contrastive_loss(SQUARE, same_as([0, 1, 2]), margin=1.0)) == 0
    assert float(losses.supcon_loss(SQUARE, same_as([0, 1, 2]))) == 0


@pytest.mark.parametrize("seed", range(5))
def test_semi_hard_negatives_are_those_of_plain_loops(seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors, labels = unit(random.normal(0, 1, (14, 3))), random.integers(0, 4, 14)
    far = ((vectors[:, None] - vectors[None]) ** 2).sum(axis=2)
    wanted = []
    for anchor in range(14):
        others = [far[anchor, at] for at in range(14) if labels[at] != labels[anchor]]
        for positive in range(14):
            if positive != anchor and labels[positive] == labels[anchor] and others:
                farther = [each for each in others if each > far[anchor, positive]]
                negative = min(farther) if farther else max(others)
                wanted.append(max(0, far[anchor, positive] - negative + 0.3))
    found = float(losses.triplet_loss(vectors, same_as(labels.tolist()), margin=0.3))
    assert found == pytest.approx(np.mean(wanted), abs=1e-5)


# -- judging -----------------------------------------------------------------------------------------------------------


def test_neighbours_are_ranked_without_the_picture_itself() -> None:
    vectors = unit(np.array([[1, 0], [0.9, 0.1], [0, 1], [0.5, 0.5]]))
    same = same_as([0, 1, 1, 0]).astype(bool)
    ranked = ranking_gain.rank_neighbours(vectors, same)
    # 0 finds 1, then 3; 1 finds 0, 3, then 2; 2 finds 3, then 1; 3 finds 1, then 0 (0.707 before 2, as near, last)
    assert ranked.precisions.tolist() == pytest.approx([1 / 2, 1 / 3, 1 / 2, 1 / 3])
    assert ranking_gain.neighbours_precision(vectors, same) == pytest.approx(ranked.precisions.mean())


def test_bootstrap_interval_is_the_one_of_the_normal_law() -> None:
    differences = np.random.default_rng(0).normal(0.02, 0.1, 400)
    spread = 1.96 * differences.std() / 20
    found = ranking_gain.bootstrap_interval(differences, [str(at) for at in range(400)])
    assert found == pytest.approx((differences.mean() - spread, differences.mean() + spread), abs=0.001)
    # of few labels it is twice as wide: questions are answers to each other
    found = ranking_gain.bootstrap_interval(differences, [str(at % 2) for at in range(400)])
    assert found == pytest.approx((differences.mean() - 2 * spread, differences.mean() + 2 * spread), abs=0.002)


@pytest.mark.parametrize(("labels", "each"), [(2, 30), (24, 5)])
def test_what_changes_vectors_without_regard_to_labels_is_seldom_called_a_gain(labels: int, each: int) -> None:
    random = np.random.default_rng(labels)
    names = [str(label) for label in np.repeat(range(labels), each)]
    same, claims = np.equal.outer(names, names), 0
    for _ in range(20):
        vectors = random.normal(0, 1, (len(names), 16))
        changed = unit(vectors @ (np.eye(16) + random.normal(0, 0.3, (16, 16))))
        ranked = (ranking_gain.rank_neighbours(each, same) for each in (unit(vectors), changed))
        claims += ranking_gain.compare(*ranked, clusters=names).is_gain
    assert claims <= 2


def test_bootstrap_draws_whole_clusters() -> None:
    # 20 labels whose 50 pictures all rise or fall together are 20 facts, not 1,000
    shifts = np.random.default_rng(1).normal(0.02, 0.1, 20)
    low, high = ranking_gain.bootstrap_interval(np.repeat(shifts, 50), [str(at) for at in np.repeat(range(20), 50)])
    assert low < 0 < high


# -- training ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def helped() -> training.TrainedHead:
    return training.train_head(clustered(0), options=training.HeadOptions(epochs=25, labels=6, rate=1e-2))


def test_a_head_helps_where_few_numbers_tell_the_labels(helped: training.TrainedHead) -> None:
    assert helped.is_gain and helped.known.low > 0.1
    assert helped.known.after.success[1] > helped.known.before.success[1] + 0.1
    assert helped.best_epoch > 0
    assert helped.learned_from["new_labels"] == 2 and helped.new is not None


@pytest.mark.parametrize("loss", ["contrastive", "supcon"])
def test_the_other_losses_help_as_well(loss: Any) -> None:
    options = training.HeadOptions(loss=loss, epochs=25, labels=6, rate=1e-2)
    assert training.train_head(clustered(0), options=options).is_gain


def test_a_hidden_layer_begins_as_the_linear_map_and_helps() -> None:
    options = training.HeadOptions(epochs=30, labels=6, hidden=8, rate=5e-3)
    found = training.train_head(clustered(0), options=options)
    assert {name: array.shape for name, array in found.arrays.items()} == {
        "projection": (32, 32),
        "inner": (32, 8),
        "inner_bias": (8,),
        "outer": (8, 32),
    }
    assert found.is_gain


@pytest.mark.parametrize("seed", range(3))
def test_random_labels_are_no_gain(seed: int) -> None:
    options = training.HeadOptions(epochs=6, labels=6, seed=seed)
    found = training.train_head(clustered(seed, helpful=False), options=options)
    assert not found.is_gain
    assert found.to_dict()["gain"] is False


def test_the_same_seed_gives_the_same_head() -> None:
    options = training.HeadOptions(epochs=3, labels=6, rate=1e-2)
    one, again = (training.train_head(clustered(0), options=options).arrays["projection"] for _ in range(2))
    assert not np.allclose(one, np.eye(32), atol=1e-2)
    np.testing.assert_allclose(one, again, atol=1e-5)


def test_progress_is_told_and_patience_ends_the_training() -> None:
    told: list[Any] = []
    options = training.HeadOptions(epochs=30, patience=1, labels=6, rate=1.0)
    found = training.train_head(clustered(1, helpful=False), options=options, progress=told.append)
    assert [epoch.number for epoch in told] == list(range(1, found.epochs + 1))
    assert found.epochs < 30 and told[-1].best >= told[-1].score


def test_too_few_pictures_to_judge_by_are_refused() -> None:
    marks = tuple(frozenset([str(at // 2)]) for at in range(8))
    few = Examples(np.eye(8, dtype=np.float32), marks, tuple(map(str, range(8))))
    with pytest.raises(TrainingImpossible, match="belong together"):
        training.train_head(few)


def test_more_dims_than_there_are_is_refused() -> None:
    with pytest.raises(TrainingImpossible, match="64 dims are more than the 32"):
        training.train_head(clustered(0), options=training.HeadOptions(dims=64))


@pytest.mark.parametrize(
    "wrong",
    [
        {"loss": "hinge"},
        {"dims": 0},
        {"pictures": 1},
        {"epochs": 0},
        {"temperature": 0},
        {"margin": 1, "loss": "supcon"},
    ],
)
def test_options_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        training.HeadOptions(**wrong)


def test_the_untrained_map_keeps_cosines() -> None:
    vectors = unit(np.random.default_rng(0).normal(0, 1, (50, 6)) @ np.random.default_rng(1).normal(0, 1, (6, 20)))
    start = training._starting_map(vectors, dims=6)
    mapped = embedder.map_vectors(vectors, {"projection": start})
    np.testing.assert_allclose(mapped @ mapped.T, vectors @ vectors.T, atol=1e-5)


# -- the embedder ------------------------------------------------------------------------------------------------------


def saved(path: Path, base: Embedder, *, seed: int = 0, **more: Any) -> str:
    random = np.random.default_rng(seed)
    arrays = {"projection": random.normal(0, 1, (base.dims, 5)).astype(np.float32)} | more
    save(path, arrays, {"kind": "head", "base": describe(base), "seed": seed})
    return str(path)


def pictures() -> list[Image.Image]:
    random = np.random.default_rng(3)
    return [Image.fromarray(random.integers(0, 256, (80, 90, 3), dtype=np.uint8)) for _ in range(3)]


def test_a_saved_head_maps_what_its_base_gives(tmp_path: Path) -> None:
    base = HistogramHog()
    path = saved(tmp_path / "mine.head", base)
    opened = get_embedder(f"head:{path}")
    assert (opened.dims, opened.embeds_text, opened.min_side) == (5, False, base.min_side)
    found = opened.embed_images(pictures())
    weights = np.random.default_rng(0).normal(0, 1, (base.dims, 5)).astype(np.float32)
    np.testing.assert_allclose(found, unit(base.embed_images(pictures()) @ weights), atol=1e-6)
    assert found.dtype == np.float32
    with pytest.raises(TextNotSupported):
        opened.embed_texts(["red"])


def test_the_hidden_layer_is_the_one_of_its_formula() -> None:
    random = np.random.default_rng(0)
    shapes = {"projection": (4, 3), "inner": (4, 2), "inner_bias": (2,), "outer": (2, 3)}
    arrays = {name: random.normal(0, 1, shape) for name, shape in shapes.items()}
    x = random.normal(0, 1, 4)
    hidden = [max(0.0, float(x @ arrays["inner"][:, at] + arrays["inner_bias"][at])) for at in range(2)]
    wanted = x @ arrays["projection"] + hidden @ arrays["outer"]
    found = embedder.map_vectors(x[None], arrays)[0]
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted), atol=1e-6)


def test_the_version_is_that_of_the_weights(tmp_path: Path) -> None:
    versions = {
        get_embedder(f"head:{saved(tmp_path / str(seed), HistogramHog(), seed=seed)}").version for seed in (1, 2)
    }
    assert len(versions) == 2


def test_a_head_on_lite_keeps_its_labels_and_its_threads(tmp_path: Path) -> None:
    base = get_embedder("lite")
    opened = get_embedder(f"head:{saved(tmp_path / 'lite.head', base)}")
    assert isinstance(opened, embedder.PreparingHead)
    vectors, labels = opened.describe_images(pictures())
    prepared, again = opened.describe_prepared([opened.prepare(image) for image in pictures()])
    np.testing.assert_allclose(vectors, prepared, atol=1e-6)
    assert labels == again == get_embedder("lite").describe_images(pictures())[1]  # type: ignore[attr-defined]


def test_damaged_files_and_changed_bases_are_refused(tmp_path: Path) -> None:
    base = HistogramHog()
    with pytest.raises(WeightsMissing, match="No such file"):
        get_embedder(f"head:{tmp_path / 'absent'}")
    path = Path(saved(tmp_path / "cut", base))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(WeightsMissing, match="or a damaged one"):
        get_embedder(f"head:{path}")
    for name, more in {
        "narrow": {"projection": np.eye(3, dtype=np.float32)},
        "half a layer": {"inner": np.zeros((base.dims, 2), np.float32)},
        "not finite": {"projection": np.full((base.dims, 2), np.nan, np.float32)},
    }.items():
        with pytest.raises(WeightsMissing, match="not those of a head"):
            get_embedder(f"head:{saved(tmp_path / name, base, **more)}")
    save(tmp_path / "older", {"projection": np.eye(2)}, {"kind": "head", "base": describe(base) | {"version": "1"}})
    with pytest.raises(WeightsMissing, match="train it again"):
        get_embedder(f"head:{tmp_path / 'older'}")
    save(tmp_path / "of none", {"projection": np.eye(2)}, {"kind": "head"})
    with pytest.raises(WeightsMissing, match="which embedder"):
        get_embedder(f"head:{tmp_path / 'of none'}")


def test_a_head_needs_no_tensorflow(tmp_path: Path) -> None:
    path = saved(tmp_path / "mine.head", HistogramHog())
    code = f"""if True:
        import json, sys
        from PIL import Image
        from hybrid_search.embedders.registry import get_embedder
        shape = get_embedder("head:{path}").embed_images([Image.new("RGB", (80, 80), "red")]).shape
        print(json.dumps([shape, [name for name in ("tensorflow", "keras") if name in sys.modules]]))"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == [[1, 5], []]


def test_a_head_is_trained_and_searched_with_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(0)
    for at in range(24):
        shade = random.integers(0, 90, (70, 70, 3), dtype=np.uint8)
        shade[..., 0 if at % 2 else 2] += 90
        folder = tmp_path / "photos" / ("red" if at % 2 else "blue")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(shade).save(folder / f"{at}.png")
    where, out = ("--index", str(tmp_path / "index")), tmp_path / "mine.head"
    with HybridIndex(tmp_path / "index", embedder="histogram+hog") as opened:
        opened.add_folder(tmp_path / "photos")
    asked = (
        "train",
        "head",
        "--from",
        "folders",
        "--out",
        str(out),
        "--dims",
        "3",
        "--epochs",
        "2",
        "--keep",
        "--json",
    )
    assert cli.run([*where, *asked]) == 0
    printed = json.loads(capsys.readouterr().out)
    parts = printed["learned_from"]
    assert parts["train"] + parts["validation"] + parts["test"] == 24
    assert cli.run([*where, "embed", f"head:{out}"]) == 0
    with HybridIndex(tmp_path / "index", embedder=f"head:{out}") as opened:
        hits = opened.search(image=tmp_path / "photos" / "red" / "1.png", k=3)
        assert {Path(str(hit.path)).parent.name for hit in hits} == {"red"}
