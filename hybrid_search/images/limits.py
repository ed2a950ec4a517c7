"""How much an image may cost before it is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hybrid_search.errors import ImageTooLarge

__all__ = ["DEFAULT_LIMITS", "Limits"]


@dataclass(frozen=True)
class Limits:
    """What one image may cost.

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

    def check_pixels(self, name: str, width: int, height: int) -> None:
        """Raise ImageTooLarge when an image of this size has more pixels than allowed."""
        if width * height > self.max_pixels:
            raise ImageTooLarge(name, width * height, self.max_pixels)

    def check_bytes(self, name: str, count: int) -> None:
        """Raise ImageTooLarge when a file of `count` bytes has more than allowed."""
        if count > self.max_bytes:
            raise ImageTooLarge(name, count, self.max_bytes, unit="bytes")


DEFAULT_LIMITS = Limits()
