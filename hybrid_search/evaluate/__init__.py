"""How well a search ranks: recall, precision, mean average precision, median rank, by ir_measures and pytrec_eval."""

from __future__ import annotations

from hybrid_search.evaluate.metrics import (
    CUTOFFS,
    Figures,
    Relevances,
    Run,
    evaluate,
    mean_average_precision,
    median_rank,
    precision_at_k,
    recall_at_k,
    success_at_k,
)
from hybrid_search.evaluate.vector_rankings import evaluate_vectors, rank_gallery

__all__ = [
    "CUTOFFS",
    "Figures",
    "Relevances",
    "Run",
    "evaluate",
    "evaluate_vectors",
    "mean_average_precision",
    "median_rank",
    "precision_at_k",
    "rank_gallery",
    "recall_at_k",
    "success_at_k",
]
