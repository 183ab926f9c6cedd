"""How long a test may wait on a machine that does something else besides."""

from __future__ import annotations

import os


def allowed(seconds: float) -> float:
    """Return how long may take on this machine, as it is now, what takes so long on an idle one.

    With half as many processes that want to run as there are cores it is the same.
    """
    return seconds * max(1.0, 2 * os.getloadavg()[0] / (os.cpu_count() or 1))
