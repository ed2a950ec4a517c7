"""A new version of an index beside the one in use: filled at full speed, then put in its place in one step."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hybrid_search.backends.elasticsearch.aliases import Live, aliases, find, make, next_version, versions, with_layout
from hybrid_search.backends.elasticsearch.client import Client
from hybrid_search.errors import BackendError, BackendUnavailable, IndexNotFound, RequestRefused
from hybrid_search.errors.remedies import Call

_MARK, _ORIGIN, _DEFAULT = "building", "built_from", "default_embedding"
_FAST = {"refresh_interval": "-1", "number_of_replicas": 0, "auto_expand_replicas": False}


@contextmanager
def new_version(client: Client, name: str, definition: Mapping[str, Any]) -> Iterator[str]:
    """Give the name of a new, empty index, which takes the place of the one in use at the end of the block.

    Until then searches go on over the old version, and nobody can write: what is written now would be missing in the
    new one. While it is filled the new version has no copies and is not refreshed. A block that fails removes it and
    lifts the block; a process that is killed leaves both, for `abandon`.

    Raises
    ------
    BackendUnavailable
        When another version is being built, or one was left by a process that was killed.
    """
    _check_free(client, name)
    live = _live(client, name)
    whole = with_layout(definition, client.server, like=live)
    index = next_version(client, name)
    wanted = {key: whole["settings"].get(key) for key in ("number_of_replicas", "auto_expand_replicas")}
    whole["settings"] = {**whole["settings"], **_FAST}
    origin = {_ORIGIN: live.index} if live else {}
    whole["mappings"]["_meta"] = {**whole["mappings"].get("_meta", {}), **origin, _MARK: secrets.token_hex(8)}
    _create(client, index, whole)
    try:
        if live is not None:
            block(client, live.index)
        yield index
        _finish(client, index, _with_default(client, live, whole["mappings"]["_meta"]), wanted)
        _swap(client, name, old=live, new=index)
    except BaseException:
        with contextlib.suppress(Exception):
            # the old version may be gone already, if this one was put in its place and the reply was lost
            if not _is_in_use(client, name, index):
                client.raw.indices.delete(index=index)
        if live is not None:
            with contextlib.suppress(Exception):
                unblock(client, live.index)
        raise


def abandon(client: Client, name: str) -> list[str]:
    """Remove versions that a killed process left half built, return their names, and let the index be written."""
    left = _half_built(client, name)
    if left:
        client.ask(lambda raw: raw.indices.delete(index=left), name=name)
    live = _live(client, name)
    if live is not None:
        unblock(client, live.index)
    return left


def remove_old(client: Client, name: str) -> list[str]:
    """Remove all versions but the one in use; returns their names."""
    current, half_built = find(client, name).index, _half_built(client, name)
    old = [index for index in versions(client, name) if index != current and index not in half_built]
    if old:
        client.ask(lambda raw: raw.indices.delete(index=old), name=name)
    return old


def put_back(client: Client, name: str) -> tuple[str, str]:
    """Put the version that the one in use was built from in its place; returns the names of both, the former first.

    Raises
    ------
    BackendUnavailable
        When there is no version before.
    """
    live = find(client, name)
    before = live.definition["mappings"].get("_meta", {}).get(_ORIGIN)
    if before not in versions(client, name):
        raise BackendUnavailable(f"{client.location}/{name}", "there is no earlier version to go back to")
    block(client, live.index)
    try:
        unblock(client, before)
        _swap(client, name, old=live, new=before)
    except BaseException:
        with contextlib.suppress(Exception):
            unblock(client, live.index)
        raise
    return live.index, before


def block(client: Client, index: str) -> None:
    """Keep everybody from writing to an index, and wait until writes under way have ended."""
    client.ask(lambda raw: raw.indices.add_block(index=index, block="write"), name=index)


def unblock(client: Client, index: str) -> None:
    """Let an index be written again."""
    client.ask(lambda raw: raw.indices.put_settings(index=index, settings={"index.blocks.write": None}), name=index)


def _check_free(client: Client, name: str) -> None:
    if left := _half_built(client, name):
        raise BackendUnavailable(
            f"{client.location}/{name}",
            f"{left[0]} is being built, or was left by a process that was killed",
            "if nothing is under way, " + Call("hybrid_search.backends.Backend.abandon") + " removes it",
        )


def _half_built(client: Client, name: str) -> list[str]:
    return [
        index
        for index in versions(client, name)
        if find(client, index).definition["mappings"].get("_meta", {}).get(_MARK)
    ]


def _live(client: Client, name: str) -> Live | None:
    try:
        return find(client, name)
    except IndexNotFound:
        return None


def _finish(client: Client, index: str, meta: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Give a filled version its copies, refresh it, and take the mark from it."""
    settings = {
        "refresh_interval": None,
        "number_of_replicas": wanted["number_of_replicas"],
        "auto_expand_replicas": wanted["auto_expand_replicas"] or False,
    }
    client.ask(lambda raw: raw.indices.put_settings(index=index, settings=settings), name=index)
    client.ask(lambda raw: raw.indices.refresh(index=index), name=index)
    whole = {key: value for key, value in meta.items() if key != _MARK}
    client.ask(lambda raw: raw.indices.put_mapping(index=index, meta=whole), name=index)


def _with_default(client: Client, before: Live | None, meta: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a new version says of itself, with the default that was chosen while it was built."""
    if before is None:
        return meta
    former = before.definition["mappings"].get("_meta", {}).get(_DEFAULT)
    chosen = find(client, before.index).definition["mappings"].get("_meta", {}).get(_DEFAULT)
    return {**meta, _DEFAULT: chosen} if chosen != former and chosen in meta.get("embeddings", {}) else meta


def _swap(client: Client, name: str, *, old: Live | None, new: str) -> None:
    """Move both aliases in one step; searches and writes see the one version or the other, never both or none."""
    actions: list[dict[str, Any]] = []
    if old is not None and not old.aliased:
        # the name was an index's own: only by removing that index can an alias take it
        actions.append({"remove_index": {"index": old.index}})
    elif old is not None:
        held = versions(client, name).get(old.index, frozenset())
        actions += [
            {"remove": {"index": old.index, "alias": alias, "must_exist": True}}
            for alias in aliases(name)
            if alias in held
        ]
    actions += [{"add": {"index": new, "alias": alias, **facts}} for alias, facts in aliases(name).items()]
    try:
        client.ask(lambda raw: raw.indices.update_aliases(actions=actions), name=name)
    except BackendError:
        # what was done, and whose reply was lost, cannot be done again
        if not _is_in_use(client, name, new):
            raise


def _create(client: Client, index: str, whole: Mapping[str, Any]) -> None:
    try:
        make(client, index, whole)
    except RequestRefused:
        # after a lost reply it is there already: this one, and nobody else's, if it has the same mark
        made = _live(client, index)
        if made is None or made.definition["mappings"]["_meta"].get(_MARK) != whole["mappings"]["_meta"][_MARK]:
            raise


def _is_in_use(client: Client, name: str, index: str) -> bool:
    return set(aliases(name)) <= versions(client, name).get(index, frozenset())
