"""Runs a command where no network is, and lists whom it would have told: every packet that it sends is recorded.

    python tests/support/alone.py RECORD COMMAND …      (within `unshare --user --map-root-user --net`)

Every address is made one of the loopback's own, so that a question to any name server, and a connection to any host,
becomes a packet here: what goes out through native code is seen like what goes out through Python.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

_ALL, _IPV4, _IPV6, _TCP, _UDP = 0x0003, 0x0800, 0x86DD, 6, 17
_NAMESPACES = (("--user", "--map-root-user", "--net"), ("--net",))


def obstacle() -> str:
    """Return why no network namespace can be had, or "" where it can."""
    if not sys.platform.startswith("linux"):
        return "network namespaces are of Linux"
    if missing := [name for name in ("unshare", "ip") if shutil.which(name) is None]:
        return f"{' and '.join(missing)} not found"
    return "" if _namespace() else "this user may not make a network namespace"


def packets_of(
    command: Sequence[str], *, record: Path, environment: Mapping[str, str], timeout: float = 120
) -> tuple[list[str], subprocess.CompletedProcess[str]]:
    """Run a command alone; return the packets that it sent, such as "udp 10.0.0.1:53 example.org", and its outcome."""
    alone = ["unshare", *_namespace(), sys.executable, __file__, str(record), *command]
    ran = subprocess.run(alone, capture_output=True, text=True, env=dict(environment), timeout=timeout, check=False)
    return json.loads(record.read_text(encoding="utf-8")), ran


def _namespace() -> tuple[str, ...]:
    for kinds in _NAMESPACES:
        if not subprocess.run(["unshare", *kinds, "ip", "link", "set", "lo", "up"], capture_output=True).returncode:
            return kinds
    return ()


def main(record: str, *command: str) -> None:
    """Make the loopback everywhere, run the command, and write down the packets."""
    for setting in ("link set lo up", "route add local default dev lo", "-6 route add local default dev lo"):
        subprocess.run(["ip", *setting.split()], check="-6" not in setting)
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL))
    listener.bind(("lo", _ALL))
    heard: SimpleQueue[str] = SimpleQueue()
    Thread(target=_listen, args=(listener, heard), daemon=True).start()
    code = subprocess.run(command, check=False).returncode
    # what the kernel has queued before this one was sent before it
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
        last.sendto(b"end", ("127.0.0.1", 9))
    packets = list(iter(heard.get, "udp 127.0.0.1:9 end"))
    Path(record).write_text(json.dumps(packets), encoding="utf-8")
    sys.exit(code)


def _listen(listener: socket.socket, heard: SimpleQueue[str]) -> None:
    while True:
        data, (_, protocol, kind, *_) = listener.recvfrom(65535)
        if kind == socket.PACKET_OUTGOING and (said := _said(protocol, data)):
            heard.put(said)


def _said(protocol: int, data: bytes) -> str:
    """Return whom a packet goes to; "" for what the kernel sends by itself, and for answers that nobody listens."""
    if protocol == _IPV4:
        carried, address, rest = data[9], socket.inet_ntop(socket.AF_INET, data[16:20]), data[(data[0] & 15) * 4 :]
    elif protocol == _IPV6:
        carried, address, rest = data[6], f"[{socket.inet_ntop(socket.AF_INET6, data[24:40])}]", data[40:]
    else:
        return f"protocol {protocol:#06x}"
    if carried not in (_TCP, _UDP):
        return ""
    port, refused = int.from_bytes(rest[2:4], "big"), carried == _TCP and rest[13] & 4
    if refused:
        return ""
    name = "" if carried == _TCP else " " + _question(rest[8:]) if port == 53 else f" {rest[8:40].decode('latin-1')}"
    return f"{'tcp' if carried == _TCP else 'udp'} {address}:{port}{name}"


def _question(message: bytes) -> str:
    labels, at = [], 12
    while at < len(message) and (length := message[at]):
        labels.append(message[at + 1 : at + 1 + length].decode("latin-1"))
        at += 1 + length
    return ".".join(labels)


if __name__ == "__main__":
    main(*sys.argv[1:])
