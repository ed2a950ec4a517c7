"""What a client or a server says of a failure, in the words of a person, and the errors that it becomes."""

from __future__ import annotations

import re

from hybrid_search.errors import BackendError, BackendUnavailable, IndexCorrupt, IndexLocked, RequestRefused
from hybrid_search.errors.remedies import MIGRATE

_LONGEST = 300
"""Characters of what a server says: some of its reasons quote the whole request."""
_BLOCK = re.compile(r"\[\w+/\d+/([^\]]*)\]")
_WRITE_BLOCKS = (
    ("flood-stage", "the server's disk is nearly full (flood stage); it is read-only until there is space again"),
    ("cluster read-only", "the whole cluster is read-only (cluster.blocks.read_only)"),
    ("read-only-allow-delete", "the index is read-only (index.blocks.read_only_allow_delete), mostly for a full disk"),
    ("index read-only", "the index is read-only (index.blocks.read_only)"),
    ("index write", "the index is blocked for writing (index.blocks.write), perhaps by a migration"),
)
_OTHER_BLOCKS = (
    ("index read (api)", "the index is blocked for reading; take index.blocks.read from its settings"),
    ("index metadata", "the index's settings cannot be read; take index.blocks.metadata from them"),
)
_TLS = (
    ("certificate has expired", "it has expired"),
    ("not yet valid", "it is not valid yet; is the clock of this machine right?"),
    ("certificate signature failure", "it names an authority that has not signed it"),
    ("Hostname mismatch", "it is for another host name"),
    ("IP address mismatch", "it is for another address"),
    ("self-signed certificate", "it is signed by an unknown authority"),
    ("self signed certificate", "it is signed by an unknown authority"),
    ("unable to get local issuer", "it is signed by an unknown authority"),
    ("ingerprints did not match", "the authority's fingerprint is another one"),
    ("WRONG_VERSION_NUMBER", "the server speaks no TLS here; is it http:// in place of https://?"),
)
_CONNECTION = (
    ("Connection refused", "nothing listens there"),
    ("Name or service not known", "there is no host of that name"),
    ("nodename nor servname", "there is no host of that name"),
    ("name resolution", "the name of the host cannot be looked up"),
    ("Failed to resolve", "the name of the host cannot be looked up"),
    ("RemoteDisconnected", "the connection was broken off; does the server speak https://?"),
    ("Remote end closed", "the connection was broken off; does the server speak https://?"),
    ("Connection aborted", "the connection was broken off"),
    ("Connection reset", "the connection was broken off"),
    ("Connection broken", "the connection was broken off in the middle of an answer"),
    ("Broken pipe", "the connection was broken off"),
)


def block_error(location: str, reason: str) -> BackendError:
    """Return the error of a block, which says in plain words which one it is."""
    for sign, words in _OTHER_BLOCKS:
        if sign in reason:
            return RequestRefused(location, words)
    # older servers write "read-only / allow delete" of what newer ones call flood stage
    plain = reason.replace(" / ", "-").replace("allow delete", "allow-delete").replace("_", "-")
    known = next((words for sign, words in _WRITE_BLOCKS if sign in plain), None)
    named = ", ".join(_BLOCK.findall(reason))
    return IndexLocked(
        location,
        f"refuses writes: {known or shortened(named or reason)}",
        "lift that and run the same again, what was written before is safe",
    )


def stranger_error(location: str, reason: str) -> BackendUnavailable:
    """Return the error of something that answers and is not Elasticsearch."""
    return BackendUnavailable(
        location, f"what answers there is not Elasticsearch: {reason}", "check its address and port"
    )


def certificate_error(location: str, text: str) -> BackendUnavailable:
    """Return the error of a TLS certificate that cannot be trusted, from the client's text."""
    return BackendUnavailable(
        location,
        f"its certificate is not trusted: {next((words for sign, words in _TLS if sign in text), shortened(text))}",
        "name the authority that signed it by HYBRID_SEARCH_CA_CERTS (a PEM file), or its SHA-256 by "
        "HYBRID_SEARCH_CA_FINGERPRINT",
    )


def closed_error(location: str, name: str) -> BackendUnavailable:
    """Return the error of an index that is closed, so that it can be neither searched nor written."""
    return BackendUnavailable(location, f"index {name!r} is closed", f"open it with `POST /{name}/_open`")


def no_node_error(location: str, name: str) -> BackendUnavailable:
    """Return the error of an index of which a part is on no node that runs."""
    return BackendUnavailable(
        location,
        f"a part of index {name!r} is on no running node",
        "start the node that has it, or ask `GET /_cluster/allocation/explain` why it is not assigned",
    )


def alias_error(location: str, alias: str, reason: str) -> IndexCorrupt:
    """Return the error of an index without an alias to write through, or of an alias that names several indexes."""
    remedy = MIGRATE + " makes a new version of the index with both of its aliases"
    return IndexCorrupt(location, f"alias {alias!r} cannot be used: {reason}", remedy)


def permission_reason(reason: str) -> str:
    """Return who may not do what."""
    action, _, rest = reason.partition(" is unauthorized for ")
    if not rest:
        return reason or "these credentials do not allow this"
    who, _, needed = rest.partition(", this action is granted by ")
    return f"{who} may not do {action.removeprefix('action ')}" + (f", which takes {needed}" if needed else "")


def connection_reason(text: str) -> str:
    """Return why there is no connection."""
    return next((words for sign, words in _CONNECTION if sign in text), shortened(text))


def shortened(text: str) -> str:
    """Return a text on one line, at most 300 characters of it."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
