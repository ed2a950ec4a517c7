"""Every error that the library raises, in one tree.

::

    HybridSearchError
    ├ ImageError(path, reason)      ImageUnreadable · ImageTooLarge(pixels, limit)
    ├ CaptionsUnreadable(path, reason)
    ├ QueryError (also ValueError)  EmptyQuery · UnknownField(field, close_matches) · BadFilter(filter, reason)
    │                               UnsupportedClause(clause, backend) · TextNotSupported(embedder) · BadVector(reason)
    │                               UnknownClass(name, close_matches)
    ├ DuplicatesError               ActionRefused(path, reason)
    ├ EmbedderError                 UnknownEmbedder(name, known) · EmbedderUnavailable(name, install)
    │                               WeightsMissing(path, reason) · BadEmbedderOption(name, option, reason)
    │                               ModelMissing(name, reason) · TrainingImpossible(what, reason)
    │                               LegUnavailable(leg, embedder, reason)
    ├ PackageMissing(name, install)
    └ BackendError                  BackendUnavailable(location, reason) · IndexNotFound(location, name)
                                    IndexLocked(location, reason) · IndexCorrupt(location, reason)
                                    FormatTooNew(location, found, known) · DocumentNotFound(id)
                                    EmbedderMismatch(expected, found) · MappingMismatch(field, reason)
                                    StorageFull(location) · BulkError(failures) · DocumentChanged(id)
                                    MostAreMissing(location, missing, documents)
                                    AccessDenied(location, reason) · IncompleteAnswer(location, reason)
                                    ServerBusy(location, reason) · RequestRefused(location, reason)
                                    ViewEnded(location) · KibanaRefused(location, reason, failures)

Each error carries its data as attributes, says what to do next, and can be pickled. Its text is `message` and `remedy`,
in which calls of the library are data (`hybrid_search.errors.remedies`).
"""

from hybrid_search.errors import base, copies, embedding, inputs, servers, storage
from hybrid_search.errors.base import *  # noqa: F403
from hybrid_search.errors.copies import *  # noqa: F403
from hybrid_search.errors.embedding import *  # noqa: F403
from hybrid_search.errors.inputs import *  # noqa: F403
from hybrid_search.errors.servers import *  # noqa: F403
from hybrid_search.errors.storage import *  # noqa: F403

__all__: list[str] = []
__all__ += base.__all__
__all__ += copies.__all__
__all__ += embedding.__all__
__all__ += inputs.__all__
__all__ += servers.__all__
__all__ += storage.__all__
