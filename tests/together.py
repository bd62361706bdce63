"""Many acts in one moment, each in a thread and on a database connection of its own."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections


def at_once(acts):
    """What each act gave; none begins before all are ready. Raises what the first failed one raised."""
    ready = Barrier(len(acts))

    def begin(act):
        ready.wait(60)
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(begin, acts))
