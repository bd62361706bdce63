"""Where a benchmark of the database runs."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import django


@contextmanager
def own_database() -> Iterator[None]:
    """Django on a server and a database of its own, which go away."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    from tests import servers

    with ExitStack() as stack:
        servers.start(stack)
        application, owner, _superuser = stack.enter_context(servers.database("benchmark"))
        os.environ |= {"DATABASE_URL": application, "OWNER_DATABASE_URL": owner}
        django.setup()
        yield
