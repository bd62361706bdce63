"""The servers that the tests run against: a real PostgreSQL and a real Redis-compatible one, both our own.

The first process of a test run starts them; the parallel workers find their addresses in the environment.
The migrated template database is kept between runs and made anew when a migration or a trigger changes.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql

from trial.config.embedded import (
    APPLICATION,
    OWNER,
    SUPERVISOR,
    Postgres,
    end_orphans,
    running_redis,
    start_postgres,
)

ROOT = Path(__file__).resolve().parents[1]
VAR = ROOT / "var" / "test"


EMPTY = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
        AND tablename NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
    LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
END $$
"""


def start(stack: ExitStack) -> None:
    """Start both servers and the template database; closing the stack stops them."""
    end_orphans()
    os.environ[SUPERVISOR] = str(os.getpid())
    postgres = start_postgres(VAR / "postgres", throw_away=True)
    stack.callback(postgres.server.cleanup)
    os.environ["TEST_REDIS"] = stack.enter_context(
        running_redis(Path(stack.enter_context(TemporaryDirectory())))
    )
    os.environ["TEST_TEMPLATE"] = _template(postgres)
    os.environ["TEST_RUN"] = str(os.getpid())


@contextmanager
def database(worker: str):
    """A fresh copy of the template for one worker: yields the URLs of application, owner and superuser."""
    postgres = start_postgres(VAR / "postgres", throw_away=True)
    name = f"run_{os.environ['TEST_RUN']}_{worker}"
    with _only_one():
        _execute(
            postgres, "CREATE DATABASE {} TEMPLATE {} OWNER {}", name, os.environ["TEST_TEMPLATE"], OWNER
        )
    try:
        yield tuple(postgres.url(name, user) for user in (APPLICATION, OWNER, "postgres"))
    finally:
        _execute(postgres, "DROP DATABASE {} WITH (FORCE)", name)
        postgres.server.cleanup()


@contextmanager
def another(name: str):
    """One more copy of the template for a worker that has one: yields the URLs as `database` does."""
    urls = [os.environ[url] for url in ("DATABASE_URL", "OWNER_DATABASE_URL", "TEST_SUPERUSER_URL")]
    home = urls[0].partition("@/")[2].partition("?")[0]
    make, drop = "CREATE DATABASE {} TEMPLATE {} OWNER {}", "DROP DATABASE {} WITH (FORCE)"
    with psycopg.connect(urls[2], autocommit=True) as connection:
        parts = map(sql.Identifier, (name, os.environ["TEST_TEMPLATE"], OWNER))
        with _only_one():
            connection.execute(sql.SQL(make).format(*parts))
        try:
            yield tuple(url.replace(f"/{home}?", f"/{name}?") for url in urls)
        finally:
            connection.execute(sql.SQL(drop).format(sql.Identifier(name)))


def _template(postgres: Postgres) -> str:
    name = f"template_{_fingerprint()}"
    with _only_one():
        with postgres.connect() as connection:
            existing = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
        if name not in existing:
            draft = f"draft_{os.getpid()}"
            _execute(postgres, "CREATE DATABASE {} OWNER {}", draft, OWNER)
            _migrate(postgres, draft)
            _execute(postgres, "ALTER DATABASE {} RENAME TO {}", draft, name)
    return name


def _migrate(postgres: Postgres, name: str) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": postgres.url(name, APPLICATION),
        "OWNER_DATABASE_URL": postgres.url(name, OWNER),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    command = [sys.executable, str(ROOT / "manage.py"), "migrate", "--skip-checks", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def _fingerprint() -> str:
    """Changes with whatever shapes the database: migrations, models and the audit triggers."""
    shapes = [*ROOT.glob("**/migrations/*.py"), *ROOT.glob("**/models.py"), *ROOT.glob("trial/audit/*.*")]
    digest = hashlib.sha256()
    for file in sorted(path for path in shapes if ".venv" not in path.parts):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _execute(postgres: Postgres, statement: str, *names: str) -> None:
    with postgres.connect() as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def _only_one():
    """PostgreSQL copies a template only while nobody else uses it."""
    VAR.mkdir(parents=True, exist_ok=True)
    with (VAR / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def empty(superuser_url: str) -> None:
    """Remove every row that a test has committed, past all triggers, and keep Django's own catalogues.

    DELETE, not TRUNCATE: a test leaves few rows, and a hundred new files for empty tables take longer.
    """
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(EMPTY)
