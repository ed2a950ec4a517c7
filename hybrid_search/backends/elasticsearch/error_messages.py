"""What a client or a server says of a failure, in the words of a person."""

from __future__ import annotations

import re

from hybrid_search.errors import BackendError, RequestRefused, WriteBlocked

_LONGEST = 300
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
    return WriteBlocked(location, known or shortened(named or reason))


def permission_reason(reason: str) -> str:
    """Return who may not do what."""
    action, _, rest = reason.partition(" is unauthorized for ")
    if not rest:
        return reason or "these credentials do not allow this"
    who, _, needed = rest.partition(", this action is granted by ")
    return f"{who} may not do {action.removeprefix('action ')}" + (f", which takes {needed}" if needed else "")


def tls_reason(text: str) -> str:
    """Return why a certificate was not accepted."""
    return next((words for sign, words in _TLS if sign in text), shortened(text))


def connection_reason(text: str) -> str:
    """Return why there is no connection."""
    return next((words for sign, words in _CONNECTION if sign in text), shortened(text))


def shortened(text: str) -> str:
    """Return a text on one line, at most 300 characters of it."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
