"""Data view, saved searches, charts and dashboard for one index, and their way into Kibana."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from hybrid_search.backends.elasticsearch.kibana_tls import AWAY, connections, said_of_tls, trusted_by
from hybrid_search.document.mapping_files import mapping_text
from hybrid_search.errors import AccessDenied, BackendUnavailable, HybridSearchError, KibanaRefused

if TYPE_CHECKING:
    import requests

    from hybrid_search.backends.elasticsearch.server import Server

_AUTHORED = "images"
_NAME = re.compile("[a-z0-9_-]{1,255}")
_LONGEST_QUOTE = 300
"""Characters of what Kibana says, as of what a server says."""
_RESOLVABLE = ("conflict", "ambiguous_conflict", "missing_references")
"""Kinds of failure after any of which Kibana creates nothing, also none of the other objects."""


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Parameters
    ----------
    count : int
        Saved objects that Kibana has now from this import.
    overwritten : int
        Those among them that replaced one of the same id.
    dashboard : str
        The dashboard's address for a browser.
    warnings : tuple of str
        What Kibana wants people to know.
    """

    count: int
    overwritten: int
    dashboard: str
    warnings: tuple[str, ...] = ()


def load_objects(name: str = _AUTHORED) -> list[dict[str, Any]]:
    """Return the saved objects that show one index, in the form in which Kibana 8.8 exports them.

    Parameters
    ----------
    name : str
        The index, which is also the alias that is read. Ids and titles contain it, so that objects for several
        indexes live beside each other.

    Raises
    ------
    BackendUnavailable
        When no index can have this name.

    Examples
    --------
    >>> [one["id"] for one in load_objects("trip") if one["type"] == "dashboard"]
    ['hybrid-search-trip-dashboard']
    """
    if not _NAME.fullmatch(name):
        raise BackendUnavailable(repr(name), "an index name has lower-case letters, digits, '-' and '_' only")
    return [_renamed(json.loads(line), name) for line in mapping_text("kibana", "images.ndjson").splitlines()]


def to_ndjson(objects: Sequence[Mapping[str, Any]]) -> str:
    """Return saved objects as the text of a file that Kibana imports: one JSON object a line."""
    return "".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n" for one in objects)


def import_objects(
    objects: Sequence[Mapping[str, Any]],
    *,
    url: str,
    space: str | None = None,
    server: Server | None = None,
    overwrite: bool = False,
) -> Imported:
    """Import saved objects into Kibana.

    Parameters
    ----------
    objects : sequence of mapping
        As `load_objects` returns them.
    url : str
        Kibana's address with its base path, such as "http://localhost:5601". Redirects are not followed.
    space : str, optional
        The space's identifier; without one, the default space.
    server : Server, optional
        Credentials, the authority to trust (`ca_certs` or `ca_fingerprint`), and the seconds that one request may take;
        without it, no credentials are sent.
    overwrite : bool
        Replace objects of the same ids, with what people changed in them. Without it any such object is an error.

    Raises
    ------
    KibanaRefused
        When Kibana cannot be reached, or does not take all the objects.
    AccessDenied
        When it does not know the credentials, or they do not allow the import.
    """
    from hybrid_search.backends.elasticsearch.server import Server as NoCredentials

    base, server = _address(url, server or NoCredentials())
    if space is not None and not _NAME.fullmatch(space):
        raise KibanaRefused(base, f"no space is named {space!r}; name one by the identifier that is in its URL")
    place = base if space in (None, "default") else f"{base}/s/{space}"
    with _session(base, server) as session:
        if place != base:
            _check_space(session, base, str(space), server)
        answer = _ask(
            session,
            "POST",
            f"{place}/api/saved_objects/_import",
            server,
            params={"overwrite": "true"} if overwrite else {},
            files={"file": ("images.ndjson", to_ndjson(objects).encode("utf-8"), "application/ndjson")},
        )
    body = _read(answer, place, known=_has_credentials(server))
    if not body["success"]:
        raise _refusal(body, place)
    boards = [one["id"] for one in body.get("successResults", ()) if one.get("type") == "dashboard"]
    made = next((one["id"] for one in objects if one["type"] == "dashboard"), None)
    board = _destination(body, boards[0]) if boards else made
    return Imported(
        count=int(body.get("successCount", len(objects))),
        overwritten=sum(bool(one.get("overwrite")) for one in body.get("successResults", ())),
        dashboard=f"{place}/app/dashboards" + (f"#/view/{board}" if board else ""),
        warnings=tuple(str(one.get("message", one)) for one in body.get("warnings", ())),
    )


def _renamed(entry: dict[str, Any], name: str) -> dict[str, Any]:
    ours = f"hybrid-search-{_AUTHORED}"
    for thing in (entry, *entry["references"]):
        thing["id"] = f"hybrid-search-{name}{thing['id'].removeprefix(ours)}"
    attributes = entry["attributes"]
    for field in {"title", "name"} & attributes.keys():
        attributes[field] = attributes[field].replace(f"[{_AUTHORED}]", f"[{name}]", 1)
    if entry["type"] == "index-pattern":
        attributes["title"] = name
    return entry


def _destination(body: Mapping[str, Any], id: str) -> str:
    # where another space has the id, Kibana gives the object a new one
    found = [one for one in body["successResults"] if one["id"] == id and one["type"] == "dashboard"]
    return str(found[0].get("destinationId", id))


def _address(url: str, server: Server) -> tuple[str, Server]:
    """Return the URL without user, password, query and trailing slash, and the server with user and password."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme.lower() not in ("http", "https") or not host:
        raise KibanaRefused(f"{parts.scheme or '…'}://{host or '…'}", "write its address as http://host:5601")
    if parts.username is not None and not _has_credentials(server):
        server = replace(server, username=unquote(parts.username), password=unquote(parts.password or ""))
    host = f"[{host}]" if ":" in host else host
    netloc = host if port is None else f"{host}:{port}"
    # people copy the address of the page they look at
    path = re.sub(r"(/s/[^/]+)?/app(/.*)?$", "", parts.path).rstrip("/")
    return urlunsplit((parts.scheme.lower(), netloc, path, "", "")), server


def _has_credentials(server: Server) -> bool:
    return server.api_key is not None or server.username is not None


def _authorization(server: Server) -> str | None:
    if server.api_key is not None:
        key = server.api_key
        return "ApiKey " + (base64.b64encode(key.encode()).decode() if ":" in key else key)
    if server.username is not None:
        pair = f"{server.username}:{server.password or ''}"
        return "Basic " + base64.b64encode(pair.encode()).decode()
    return None


def _session(base: str, server: Server) -> requests.Session:
    import requests

    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        # as an `auth`, so that no .netrc replaces the header
        if (header := _authorization(server)) is not None:
            request.headers["Authorization"] = header
        return request

    session = requests.Session()
    session.auth = authorize
    session.headers.update({"kbn-xsrf": "hybrid-search", "User-Agent": "hybrid-search", "Accept": "application/json"})
    if base.startswith("https://") and (context := trusted_by(base, server)) is not None:
        session.mount("https://", connections(context))
    return session


def _ask(session: requests.Session, method: str, url: str, server: Server, **more: Any) -> requests.Response:
    import requests

    place = url.partition("/api/")[0]
    try:
        return session.request(method, url, timeout=server.timeout, allow_redirects=False, **more)
    except requests.exceptions.SSLError as error:
        raise KibanaRefused(place, said_of_tls(str(error))) from None
    except requests.Timeout:
        raise KibanaRefused(
            place,
            f"no answer within {server.timeout:g} s; look into Kibana whether the objects are there, and try again",
        ) from None
    except requests.ConnectionError:
        raise KibanaRefused(place, AWAY) from None
    except ValueError:
        raise KibanaRefused(place, "the credentials have a character that HTTP cannot carry; check them") from None
    except requests.RequestException as error:
        raise KibanaRefused(place, f"the connection broke off ({type(error).__name__}); try again") from None
    except OSError as error:
        # a bundle that the environment names
        raise KibanaRefused(place, f"{' '.join(str(error).split())}; name a PEM file") from None


def _check_space(session: requests.Session, base: str, space: str, server: Server) -> None:
    """Refuse a space that does not exist: Kibana would import into it all the same, where nobody sees it."""
    answer = _ask(session, "GET", f"{base}/api/spaces/space/{space}", server)
    if answer.status_code == 404 and "kbn-name" in answer.headers:
        raise KibanaRefused(base, f"there is no space {space!r}; make it first (Stack Management, Spaces)")


def _read(answer: requests.Response, place: str, *, known: bool) -> dict[str, Any]:
    """Return the answer of the import API; anything else is an error that says what answered."""
    body = _json(answer)
    status = answer.status_code
    if status in (200, 201) and isinstance(body.get("success"), bool):
        return body
    raise _unexpected(answer, body, place, known=known)


def _unexpected(answer: requests.Response, body: dict[str, Any], place: str, *, known: bool) -> HybridSearchError:
    status, said = answer.status_code, _said(body)
    if "x-elastic-product" in answer.headers and "kbn-name" not in answer.headers:
        return KibanaRefused(place, "that is Elasticsearch itself; Kibana is another server, at port 5601 by default")
    if status == 401:
        return AccessDenied(place, "Kibana does not know these credentials" if known else "Kibana asks for credentials")
    if status == 403:
        return AccessDenied(
            place, "these credentials may not import; their role needs 'Saved Objects Management: All' in that space"
        )
    if 300 <= status < 400:
        target = urlsplit(answer.headers.get("Location", ""))
        return KibanaRefused(
            place, f"it redirects to {urlunsplit((*target[:3], '', ''))[:200]!r}; give that as its address"
        )
    if status == 503 or "not ready" in answer.text[:200]:
        return KibanaRefused(place, "it is not ready yet; wait until its page opens, and try again")
    if "kbn-name" not in answer.headers and "statusCode" not in body:
        kind = answer.headers.get("Content-Type", "no content type").partition(";")[0]
        return KibanaRefused(
            place, f"what answers there is not Kibana (status {status}, {kind}); check address and port"
        )
    if status == 404:
        return KibanaRefused(place, "it has no saved-objects API under that path; check the base path in its address")
    return KibanaRefused(place, f"it answered {status}{said}; these objects need Kibana 8.9 or newer")


def _json(answer: requests.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _said(body: Mapping[str, Any]) -> str:
    message = " ".join(str(body.get("message") or "").split())
    return f": {message[:_LONGEST_QUOTE]}" if message else ""


def _refusal(body: Mapping[str, Any], place: str) -> KibanaRefused:
    """Return the error of an import that Kibana did in part or not at all."""
    errors = [one for one in body.get("errors", ()) if isinstance(one, dict)]
    kinds: dict[str, list[dict[str, Any]]] = {}
    for one in errors:
        kinds.setdefault(str(one.get("error", {}).get("type", "unknown")), []).append(one)
    reasons = [_REASONS.get(kind, _of_unknown)(found) for kind, found in kinds.items()]
    done = 0 if any(kind in _RESOLVABLE for kind in kinds) else int(body.get("successCount", 0))
    reasons.append(f"{done} objects were imported" if done else "nothing was imported")
    failures = [(str(one.get("type")), str(one.get("id")), kind) for kind, found in kinds.items() for one in found]
    return KibanaRefused(place, "; ".join(reasons), failures)


def _titles(found: Sequence[Mapping[str, Any]]) -> str:
    titles = [str(one.get("meta", {}).get("title") or one.get("title") or one.get("id")) for one in found]
    more = f" and {len(titles) - 3} more" if len(titles) > 3 else ""
    return ", ".join(titles[:3]) + more


def _of_conflict(found: Sequence[Mapping[str, Any]]) -> str:
    return f"{_titles(found)}: already there (--overwrite replaces them, with what was changed in them)"


def _of_ambiguous(found: Sequence[Mapping[str, Any]]) -> str:
    return (
        f"{_titles(found)}: already there several times, as copies (delete all but one of each, or use another space)"
    )


def _of_missing(found: Sequence[Mapping[str, Any]]) -> str:
    wanted = {f"{ref.get('type')} {ref.get('id')}" for one in found for ref in one["error"].get("references", ())}
    return f"{_titles(found)}: refer to what is not there ({', '.join(sorted(wanted))}; import the whole file)"


def _of_unsupported(found: Sequence[Mapping[str, Any]]) -> str:
    kinds = ", ".join(sorted({str(one.get("type")) for one in found}))
    return f"{_titles(found)}: this Kibana has no objects of type {kinds} (Maps or Lens may be switched off)"


def _of_unknown(found: Sequence[Mapping[str, Any]]) -> str:
    error = found[0].get("error", {})
    said = _said(error) or f": {error.get('type', 'it gave no reason')}"
    return f"{_titles(found)}{said}"


_REASONS = {
    "conflict": _of_conflict,
    "ambiguous_conflict": _of_ambiguous,
    "missing_references": _of_missing,
    "unsupported_type": _of_unsupported,
}
