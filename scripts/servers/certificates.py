"""Certificates of a throw-away authority for a server on the loopback address, made with OpenSSL."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from scripts.servers.failures import Failure, NotToBeHad

CONFIG = """
[req]
distinguished_name = subject
x509_extensions = authority_extensions
prompt = no
[subject]
CN = hybrid-search test
[authority_extensions]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[ca]
default_ca = authority
[authority]
database = issued.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = anything
[anything]
CN = supplied
[node_extensions]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = IP:127.0.0.1, DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
VALID = ["-days", "3650"]
EXPIRED = ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"]


def make(folder: Path, *, expired: bool = False) -> None:
    """Fill a folder with `ca.pem`, `node.key`, `node.pem` (with its chain) and `other-ca.pem`, which signed nothing.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    expired : bool
        Whether the node's certificate ended in 2020, so that a client's answer to that can be seen.
    """
    if not shutil.which("openssl"):
        raise NotToBeHad("a server with security needs certificates, and there is no OpenSSL (openssl) to make them")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "openssl.cnf").write_text(CONFIG)
    (folder / "issued.txt").write_text("")
    for name in ("ca", "other-ca"):
        _key(folder, f"{name}.key")
        subject = f"/CN=hybrid-search {name}"
        _openssl(folder, "req", "-x509", "-new", "-key", f"{name}.key", "-subj", subject, *VALID, "-out", f"{name}.pem")
    _key(folder, "node.key")
    _openssl(folder, "req", "-new", "-key", "node.key", "-subj", "/CN=127.0.0.1", "-out", "node.csr")
    validity = EXPIRED if expired else VALID
    signer = ["-cert", "ca.pem", "-keyfile", "ca.key", "-extensions", "node_extensions"]
    _openssl(folder, "ca", "-batch", "-notext", *signer, *validity, "-in", "node.csr", "-out", "leaf.pem")
    # a client that pins the authority's fingerprint must find it in what the server sends
    (folder / "node.pem").write_text((folder / "leaf.pem").read_text() + (folder / "ca.pem").read_text())


def _key(folder: Path, name: str) -> None:
    _openssl(folder, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", name, config=False)


def _openssl(folder: Path, *arguments: str, config: bool = True) -> None:
    command = ["openssl", arguments[0], *(["-config", "openssl.cnf"] if config else []), *arguments[1:]]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no output"]
        raise Failure(f"openssl {arguments[0]} failed: {lines[-1]}")
