"""Every error that the library raises, in one tree.

::

    HybridSearchError
    ├ ImageError(path, reason)      ImageUnreadable · ImageTooLarge(pixels, limit)
    ├ MetadataError(path, reason)   CaptionsUnreadable
    ├ QueryError (also ValueError)  EmptyQuery · UnknownField(field, close_matches) · BadFilter(filter, reason)
    │                               UnsupportedClause(clause, backend) · TextNotSupported(embedder) · BadVector(reason)
    │                               BadKeepRule(rule, known) · UnknownClass(name, close_matches)
    │                               BadColour(colour, reason)
    ├ DuplicatesError               TierUnavailable(tier, install) · ActionRefused(path, reason)
    │                               JournalUnreadable(path, reason) · ChoicesUnreadable(path, reason)
    ├ EmbedderError                 UnknownEmbedder(name, known) · EmbedderUnavailable(name, install)
    │                               WeightsMissing(path, reason) · BadEmbedderOption(name, option, reason)
    │                               ModelMissing(name, reason) · TrainingImpossible(what, reason)
    │                               LegUnavailable(leg, embedder, reason)
    ├ PackageMissing(name, install)
    ├ EvaluationError               MetricsUnavailable(install) · BadRun(question, reason)
    └ BackendError                  BackendUnavailable(location, reason) · IndexNotFound(location, name)
                                    IndexLocked(location) · IndexCorrupt(location, reason)
                                    FormatTooNew(location, found, known) · DocumentNotFound(id)
                                    EmbedderMismatch(expected, found) · MappingMismatch(field, reason)
                                    StorageFull(location) · BulkError(failures) · DocumentChanged(id)
                                    MostAreMissing(location, missing, documents)
                                    NotElasticsearch(location, reason) · ClientMismatch(location, client)
                                    AccessDenied(location, reason) · CertificateRejected(location, reason)
                                    IndexClosed(location, name) · AliasMissing(location, alias, reason)
                                    WriteBlocked(location, reason) · IncompleteAnswer(location, reason)
                                    IndexRed(location, name) · ServerBusy(location, reason)
                                    RequestRefused(location, reason) · ViewEnded(location)
                                    KibanaRefused(location, reason, failures)
                                    AlreadyClosed(location)

Each error carries its data as attributes, says what to do next, and can be pickled. Its text is `message` and `remedy`,
in which calls of the library are data (`hybrid_search.errors.remedies`).
"""

from __future__ import annotations

from hybrid_search.errors.base import HybridSearchError
from hybrid_search.errors.copies import (
    ActionRefused,
    BadKeepRule,
    ChoicesUnreadable,
    DuplicatesError,
    JournalUnreadable,
    TierUnavailable,
)
from hybrid_search.errors.embedding import (
    BadEmbedderOption,
    EmbedderError,
    EmbedderUnavailable,
    LegUnavailable,
    ModelMissing,
    TrainingImpossible,
    UnknownEmbedder,
    WeightsMissing,
)
from hybrid_search.errors.evaluation import BadRun, EvaluationError, MetricsUnavailable
from hybrid_search.errors.inputs import (
    BadColour,
    BadFilter,
    BadVector,
    CaptionsUnreadable,
    EmptyQuery,
    ImageError,
    ImageTooLarge,
    ImageUnreadable,
    MetadataError,
    PackageMissing,
    QueryError,
    TextNotSupported,
    UnknownClass,
    UnknownField,
    UnsupportedClause,
)
from hybrid_search.errors.servers import (
    AccessDenied,
    AliasMissing,
    CertificateRejected,
    ClientMismatch,
    DocumentChanged,
    IncompleteAnswer,
    IndexClosed,
    IndexRed,
    KibanaRefused,
    NotElasticsearch,
    RequestRefused,
    ServerBusy,
    ViewEnded,
    WriteBlocked,
)
from hybrid_search.errors.storage import (
    AlreadyClosed,
    BackendError,
    BackendUnavailable,
    BulkError,
    DocumentNotFound,
    EmbedderMismatch,
    FormatTooNew,
    IndexCorrupt,
    IndexLocked,
    IndexNotFound,
    MappingMismatch,
    MostAreMissing,
    StorageFull,
)

__all__ = [
    "AccessDenied",
    "ActionRefused",
    "AliasMissing",
    "AlreadyClosed",
    "BackendError",
    "BackendUnavailable",
    "BadColour",
    "BadEmbedderOption",
    "BadFilter",
    "BadKeepRule",
    "BadRun",
    "BadVector",
    "BulkError",
    "CaptionsUnreadable",
    "CertificateRejected",
    "ChoicesUnreadable",
    "ClientMismatch",
    "DocumentChanged",
    "DocumentNotFound",
    "DuplicatesError",
    "EmbedderError",
    "EmbedderMismatch",
    "EmbedderUnavailable",
    "EmptyQuery",
    "EvaluationError",
    "FormatTooNew",
    "HybridSearchError",
    "ImageError",
    "ImageTooLarge",
    "ImageUnreadable",
    "IncompleteAnswer",
    "IndexClosed",
    "IndexCorrupt",
    "IndexLocked",
    "IndexNotFound",
    "IndexRed",
    "JournalUnreadable",
    "KibanaRefused",
    "LegUnavailable",
    "MappingMismatch",
    "MetadataError",
    "MetricsUnavailable",
    "ModelMissing",
    "MostAreMissing",
    "NotElasticsearch",
    "PackageMissing",
    "QueryError",
    "RequestRefused",
    "ServerBusy",
    "StorageFull",
    "TextNotSupported",
    "TierUnavailable",
    "TrainingImpossible",
    "UnknownClass",
    "UnknownEmbedder",
    "UnknownField",
    "UnsupportedClause",
    "ViewEnded",
    "WeightsMissing",
    "WriteBlocked",
]
