"""Changes per second in a whole rehearsed trial, against bare SQL that writes as many audited rows.

`python -m benchmarks.rehearsal` rehearses WorkUp with 500 participants for 52 weeks in a database of its own,
and fails when that takes longer than it may.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

ROOT = Path(__file__).resolve().parents[1]
MOST_SECONDS = 90
SIZE = ("--participants", "500", "--weeks", "52", "--seed", "1")


def rehearse(var: str) -> tuple[dict[str, Any], float]:
    """What the command tells, and its seconds from start to end."""
    environment = {**os.environ, "TILBAKE_VAR": var}
    command = [sys.executable, "manage.py", "rehearse", "workup", *SIZE, "--json"]
    started = time.perf_counter()
    answer = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return json.loads(answer.stdout), time.perf_counter() - started


def bare_rows_per_second(var: str, rows: int) -> float:
    """Single-row inserts into an audited table, a hundred a transaction, by one client."""
    from trial.config.embedded import APPLICATION, OWNER, start_postgres

    postgres = start_postgres(Path(var) / "postgres")
    environment = {
        **os.environ,
        "TILBAKE_VAR": var,
        "DATABASE_URL": postgres.url("tilbake", APPLICATION),
        "OWNER_DATABASE_URL": postgres.url("tilbake", OWNER),
    }
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    try:
        with psycopg.connect(postgres.url("tilbake", OWNER), autocommit=True) as connection:
            connection.execute("SET synchronous_commit = off")
            connection.execute("SELECT set_config('tilbake.actor', 'system:benchmark', false)")
            started = time.perf_counter()
            for first in range(0, rows, 100):
                with connection.transaction():
                    for number in range(first, min(first + 100, rows)):
                        connection.execute("INSERT INTO protocol_trial (slug) VALUES (%s)", [f"t{number}"])
            return rows / (time.perf_counter() - started)
    finally:
        postgres.server.cleanup()


def main() -> None:
    with ExitStack() as stack:
        var = stack.enter_context(TemporaryDirectory())
        story, seconds = rehearse(var)
        bare = bare_rows_per_second(var, story["changes"])
    rate = story["changes"] / seconds
    print(
        f"rehearsal: {story['participants']} participants × {story['weeks']} weeks in {seconds:.0f} s; "
        f"{rate:.0f} audited changes per second, {bare:.0f} by bare SQL: ratio {rate / bare:.2f}"
    )
    refuse_slow(seconds)


def refuse_slow(seconds: float) -> None:
    if seconds > MOST_SECONDS:
        sys.exit(f"rehearsal: too slow, {seconds:.0f} s instead of {MOST_SECONDS} s at most")


if __name__ == "__main__":
    main()
