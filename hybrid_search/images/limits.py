"""How much an image may cost before it is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hybrid_search.errors import ImageTooLarge
from hybrid_search.images.memory_budget import default_budget


@dataclass(frozen=True)
class Limits:
    """What one image may cost, and all that are decoded at the same time.

    Parameters
    ----------
    max_pixels : int
        Width times height, read from the header before anything is decoded. The default takes the 200 megapixels of
        today's largest phone sensors.
    max_bytes : int
        Size of the file, or of the answer to a URL.
    timeout_s : float
        Seconds for a URL from the first connection to the last byte, redirects included.
    max_redirects : int
        Redirects that a URL may take.
    private_addresses : {"given", "never", "always"}
        Whether a URL may lead to this machine, to its own networks or to the metadata of a cloud. By default only one
        that names such a server itself, such as http://nas.local/a.jpg, and no redirect to another one. Say "never"
        where strangers choose the URLs: what is asked is then public, and proxies of the environment are not used, as
        they would resolve the names. "always" follows redirects everywhere.
    memory : int, optional
        Bytes that all threads of the process together may take to decode; by default a quarter of the memory of the
        machine, or of the container that limits the process, and at least 512 MiB. Each image waits until what it is
        estimated to need is free; of those that need more than an eighth of it one is decoded at a time, and one that
        alone needs more than all of it is refused.

    Examples
    --------
    >>> Limits(max_pixels=50_000_000).max_bytes
    536870912
    """

    max_pixels: int = 256_000_000
    max_bytes: int = 512 * 1024 * 1024
    timeout_s: float = 30.0
    max_redirects: int = 5
    private_addresses: Literal["given", "never", "always"] = "given"
    memory: int | None = None

    @property
    def budget(self) -> int:
        """Bytes that all threads together may take to decode."""
        return default_budget() if self.memory is None else self.memory

    def check_pixels(self, name: str, width: int, height: int) -> None:
        """Raise ImageTooLarge when an image of this size has more pixels than allowed."""
        if width * height > self.max_pixels:
            raise ImageTooLarge(name, width * height, self.max_pixels)

    def check_bytes(self, name: str, count: int) -> None:
        """Raise ImageTooLarge when a file of `count` bytes has more than allowed."""
        if count > self.max_bytes:
            raise ImageTooLarge(name, count, self.max_bytes, unit="bytes")

    def check_memory(self, name: str, count: int) -> None:
        """Raise ImageTooLarge when decoding takes more than all the memory that is allowed."""
        if count > self.budget:
            raise ImageTooLarge(name, count, self.budget, unit="bytes of memory")


DEFAULT_LIMITS = Limits()
