"""Advisory locks on open files, where the system has them."""

from __future__ import annotations

import errno
import sys

_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


if sys.platform == "win32":

    def lock(descriptor: int, *, alone: bool) -> bool:
        """Return True: on Windows an open file cannot be removed, which is lock enough."""
        return True

else:
    import fcntl

    def lock(descriptor: int, *, alone: bool) -> bool:
        """Lock an open file until it is closed; returns whether it could be had.

        Parameters
        ----------
        descriptor : int
            The open file; file systems that know no locks give them to everybody.
        alone : bool
            Whether nobody else may hold a lock on it, or only nobody who wants to be alone.
        """
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in _TAKEN
        return True
