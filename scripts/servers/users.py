"""Users and roles of a secure cluster, kept in files beside each node (the file realm)."""

from __future__ import annotations

import json
import re
import shutil
import time
import urllib.error
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.servers.account import Account
from scripts.servers.cluster import Cluster
from scripts.servers.failures import Failure
from scripts.servers.health import fetch
from scripts.servers.java import find
from scripts.servers.tools import tool

WAIT = 30.0  # seconds; the server looks at its files once a second


def set_bootstrap_password(cluster: Cluster, home: Path, java_home: Path, account: Account) -> None:
    """Put the password of `elastic` into each node's keystore, from where the server takes it at its first start."""
    first, *others = cluster.nodes
    keystore = Path("config", "elasticsearch.keystore")
    if not (first.folder / keystore).exists():
        add = ["add", "--force", "--stdin", "bootstrap.password"]
        tool(first, home, java_home, account, "elasticsearch-keystore", *add, text=f"{cluster.password}\n")
    for node in others:
        if not (node.folder / keystore).exists():
            shutil.copy(first.folder / keystore, node.folder / keystore)
            account.own(node.folder / keystore)


def add_user(
    cluster: Cluster, home: Path, name: str, password: str, roles: Mapping[str, Mapping[str, Any] | None]
) -> None:
    """Add a user to every node of a secure cluster and wait until the server lets it in.

    Parameters
    ----------
    cluster : Cluster
        A running one.
    home : Path
        The unpacked server.
    name, password : str
        The password has at least six characters.
    roles : Mapping
        Per role its definition, in the shape of `PUT _security/role`; None for one that is built in or defined already.
    """
    account = Account.current()
    java = find(account)
    for node in cluster.nodes:
        _define(node.folder / "config" / "roles.yml", {role: body for role, body in roles.items() if body is not None})
        user = ["useradd", name, "-p", password, "-r", ",".join(roles)]
        tool(node, home, java.home, account, "elasticsearch-users", *user)
    for url in cluster.urls:
        _wait_for(cluster, url, (name, password), roles)


def _define(path: Path, roles: Mapping[str, Mapping[str, Any]]) -> None:
    kept = [
        line
        for line in path.read_text().splitlines()
        if not any(re.match(rf"{re.escape(role)}\s*:", line) for role in roles)
    ]
    # the server reads this file role by role, each one beginning at the margin; JSON on one line is YAML
    path.write_text("\n".join([*kept, *(f"{role}: {json.dumps(body)}" for role, body in roles.items())]) + "\n")


def _wait_for(cluster: Cluster, url: str, user: tuple[str, str], roles: Mapping[str, Any]) -> None:
    """Return when a node knows the user with its roles, and what those roles allow."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        try:
            known = fetch(f"{url}/_security/_authenticate", user=user, ca_certs=cluster.ca_certs)
            allowed = fetch(f"{url}/_security/user/_privileges", user=user, ca_certs=cluster.ca_certs)
        except urllib.error.HTTPError as error:
            error.close()
        else:
            if set(known["roles"]) == set(roles) and (allowed["cluster"] or allowed["indices"]):
                return
        time.sleep(0.2)
    raise Failure(f"the server at {url} has not taken up the user {user[0]} within {WAIT:.0f} s")
