"""One of two worlds that differ in one thing: which arm comes next. `python -m tests.randomization.twins …`.

Both are made by the same steps with the same chance and the same clock, in databases and processes of their
own. Their sealed lists agree on every place that is given and disagree on those that come next. Whatever a
reader can get is written down; the test compares the two. What differs would tell the next arm.
"""

import hashlib
import hmac
import json
import logging
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain, count
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import django

from tests.pdfs import text_of

if __name__ == "__main__":
    django.setup()

import psycopg
import time_machine
from django.conf import settings
from django.core import mail
from django.db import connections
from django.test.utils import setup_test_environment
from redis import Redis

from analysis.models import Snapshot
from randomization.designs import BlockDesign, Factor
from randomization.drbg import SEED_BYTES
from randomization.models import Allocation, Place, SealedList, Stratum
from randomization.sealing import unseal_place
from randomization.services import allocate, print_envelopes, reserve_envelopes
from tests import factories
from tests.factories import NOW, make_user, make_verified_participant, seal
from tests.test_roles import EXPECTED, address_of
from tests.world import THEN, World
from trial.audit.context import acting
from trial.audit.models import AuditBlock
from trial.audit.services import seal_events
from trial.config.celery import app
from trial.core import chance
from trial.people.models import Site

CANARIES = {"talk": "zqxcanaryone", "usual": "zqxcanarytwo"}
GIVEN = 4
"""So many places of the stratum are given; on these the twins agree."""
COMING = 4
"""So many of the next places are opposite in the two worlds."""
BLOCK = "block_sizes = [4]"
"""One size: lists are of one length for every seed."""
STRATUM = "site=north;complaint=body"
ROOMS = ("randomization:", "analysis:", "expertteam:cases", "expertteam:case", "admin:index", "admin:audit_")
ROOMS += ("admin:people_participant_", "admin:protocol_trial_", "admin:people_site_", "accounts:rooms")
TODAY = [f"{datetime.now(ZoneInfo('Europe/Oslo')) + timedelta(days=n):%-d %B %Y}" for n in (0, 1)]
NOT_COMPARED = {"audit_event": ("at", "transaction"), "analysis_snapshot": ("size",)}
"""PostgreSQL's own clock and counter, and how well the head of the chain was compressed."""


class Deterministic:
    """The operating system's chance, the same for both; threads that wake workers come at any time."""

    def __init__(self) -> None:
        self.calls = 0
        self.true = os.urandom

    def __call__(self, size: int) -> bytes:
        if current_thread() is not main_thread():
            return self.true(size)
        self.calls += 1
        blocks = (
            hmac.digest(b"twins", f"{self.calls}/{n}".encode(), "sha256") for n in range(size // 32 + 1)
        )
        return b"".join(blocks)[:size]


def is_first(seed: str) -> list[bool]:
    """Of each place of the stratum, whether it is the tiny trial's first arm."""
    factors = (Factor("site", ("north", "south")), Factor("complaint", ("body", "mind")))
    with chance.seeded(seed):
        made = BlockDesign({"a": 1, "b": 1}, factors, 40, (4,)).list_from(
            chance.token_bytes(SEED_BYTES), trial="tiny", sizes={STRATUM: 40}
        )
    return [arm == "a" for arm in made[STRATUM]]


def twin_seeds(
    *, agree: int, differ: int, is_first: Callable[[str], list[bool]] = is_first
) -> tuple[str, str]:
    """Two sources of chance whose lists agree on so many places and are opposite in so many that follow.

    Someone is in the first arm among the given ones, so that there is a case.
    """
    seen: dict[Any, str] = {}
    for number in count():
        seed = f"twin {number}"
        places = is_first(seed)
        given, coming = tuple(places[:agree]), tuple(places[agree : agree + differ])
        opposite = tuple(not place for place in coming)
        if (not agree or any(given)) and (other := seen.get((given, opposite))):
            return other, seed
        seen[given, coming] = seed
    raise AssertionError


def with_canaries(directory: Path, changes: Mapping[str, str]) -> Path:
    """The tiny protocol, changed, with arms whose keys stand nowhere else."""
    shutil.copytree(factories.TINY.parent, directory)
    file = directory / factories.TINY.name
    text = file.read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    for arm, canary in CANARIES.items():
        text = re.sub(rf'(arm = |key = )"{arm}"', rf'\1"{canary}"', text).replace(
            f"{arm} = 1", f"{canary} = 1"
        )
    file.write_text(text)
    return file


def sealed_with(list_seed: str) -> Callable[..., None]:
    def sealed(trial) -> None:
        with chance.seeded(list_seed):
            seal(trial)

    return sealed


def live(list_seed: str) -> World:
    """Something in every room, and so many places given."""
    world = World(seal=sealed_with(list_seed))
    by = make_user("coordinator", trial=world.trial)
    while Stratum.objects.get(sealed_list__trial=world.trial, key=STRATUM).used < GIVEN:
        allocate(participant=make_verified_participant(world.trial, by=by), by=by, now=NOW)
    make_verified_participant(world.trial, by=by)  # the next one, who waits
    print_the_next_place(world.north)
    seal_events(now=THEN)
    return world


def print_the_next_place(site: Site) -> None:
    """In an envelope, which nobody opens."""
    by = make_user("statistician", trial=site.trial)
    (envelope,) = reserve_envelopes(site=site, counts={STRATUM: 1}, by=by, now=NOW)
    print_envelopes(site=site, numbers=[envelope.number], by=by, now=NOW)


def tables() -> Iterator[tuple[str, str]]:
    """Every column of every table that the application role may read."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position)"
            " FROM information_schema.columns WHERE table_schema = 'public'"
            " AND has_column_privilege(table_schema || '.' || table_name, column_name, 'SELECT')"
            " GROUP BY table_name ORDER BY table_name"
        )
        for table, columns in cursor.fetchall():
            kept = ", ".join(f'"{name}"' for name in columns if name not in NOT_COMPARED.get(table, ()))
            cursor.execute(f'SELECT {kept} FROM "{table}"')
            # Where a row lies on the disk depends on when PostgreSQL cleaned up: rows are told in one order.
            yield f"table {table}", "\n".join(sorted(map(_line, cursor.fetchall())))


def _line(row) -> str:
    return json.dumps([value.hex() if isinstance(value, bytes | memoryview) else str(value) for value in row])


def dump() -> str:
    """What a backup holds, or any role that reports: all that there is, as the superuser sees it."""
    with psycopg.connect(os.environ["TEST_SUPERUSER_URL"]) as connection:
        directory = connection.execute("SELECT setting FROM pg_settings WHERE name = 'data_directory'")
        main = int((Path(directory.fetchone()[0]) / "postmaster.pid").read_text().split()[0])
    programs = Path(os.readlink(f"/proc/{main}/exe")).parent
    command = [programs / "pg_dump", "--inserts", "--dbname", os.environ["TEST_SUPERUSER_URL"]]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def in_one_order(dump: str) -> str:
    """Without what is NOT_COMPARED, and without the word by which pg_dump keeps its own file from harm."""
    dump = re.sub(r"(?m)^(INSERT INTO public.audit_event VALUES \(\d+), '[^']+', \d+", r"\1", dump)
    dump = re.sub(r"(?m)^(INSERT INTO public.analysis_snapshot .+?\.zip'), \d+", r"\1", dump)
    lines = dump.splitlines()
    return "\n".join(sorted(line for line in lines if not line.startswith(("\\restrict", "\\unrestrict"))))


def redis() -> str:
    """Every key: what waits for the workers, their results, the cache."""
    with app.connection_for_write() as connection:
        for task in sorted(settings.SWEEPS):
            app.send_task(task, connection=connection)
    with Redis.from_url(settings.REDIS_URL) as client:
        waiting = [json.loads(one) for one in client.lrange("celery", 0, -1)]
        tasks = [(one["headers"]["task"], one["headers"]["argsrepr"], one["body"]) for one in waiting]
        others = sorted(key for key in client.scan_iter() if key != b"celery")
        values = [(key.decode(), _value(client, key)) for key in others]
        client.flushdb()
    return json.dumps([sorted(tasks), values])


def _value(client: Redis, key: bytes) -> str:
    kind = client.type(key)
    if kind == b"string":
        return repr(client.get(key))
    return repr(sorted(client.smembers(key))) if kind == b"set" else repr(client.dump(key))


def work(say: Callable[[str, str], None]) -> None:
    """What the workers do, in the order of their names, and what they give back."""
    app.loader.import_default_modules()
    for name in sorted(settings.SWEEPS):
        if "messaging" not in name:  # they speak to the gateway
            say(f"result of {name}", repr(app.tasks[name].apply().result))


def pages(world: World, rooms: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Every page of these rooms, as everybody who belongs to the trial sees it."""
    for name, (get, _post) in sorted(EXPECTED.items()):
        if get and name.startswith(rooms):
            address = address_of(world, name)
            for who in sorted(world.keys):
                if who[1] in ("own", ""):
                    page = world.client(who).get(address)
                    yield f"page {name} {who[0]}", read(page)


def read(page: Any) -> str:
    headers = sorted(item for item in page.headers.items() if item[0] != "Content-Length")
    return f"{page.status_code} {headers}\n{_text(page)}"


def _text(page: Any) -> str:
    """The text; of a PDF what stands in it; without the drawing that repeats the commitment for a camera."""
    body = b"".join(page.streaming_content) if page.streaming else page.content
    if body.startswith(b"%PDF"):
        body = text_of(body).encode()
    return re.sub(r'(?s)<svg viewBox="-2 -2 .*?</svg>', "<qr code>", body.decode("utf-8", "replace"))


def exports() -> Iterator[tuple[str, str]]:
    for file in sorted(path for path in settings.EXPORT_DIR.rglob("*") if path.is_file()):
        with ZipFile(file) as opened:
            for name in opened.namelist():
                yield f"export {name}", opened.read(name).decode("utf-8", "replace")


def masks() -> dict[str, str]:
    """What may differ: sealed bytes, what is computed from them, and the times of PostgreSQL's own clock."""
    known: dict[str, str] = {}
    sealed = SealedList.objects.get(trial__slug="tiny")  # the blinded trial's is the same in both
    places, decisions = Place.objects.values_list("content"), Allocation.objects.values_list("decision")
    for raw in map(bytes, filter(None, (sealed.seed, sealed.nonce, *chain(*places, *decisions)))):
        known[raw.hex()] = f"<{len(raw)} sealed bytes>"
        known[hashlib.sha256(raw).hexdigest()] = "<digest of sealed bytes>"
    known[sealed.commitment] = "<commitment>"
    known |= {sealed.commitment[at : at + 8]: "<part of commitment>" for at in range(0, 64, 8)}
    for snapshot in Snapshot.objects.all():  # its files are compared; they hold the head of the chain
        known[snapshot.sha256] = "<snapshot>"
    for block in AuditBlock.objects.all():
        for value in (block.digests, block.previous_hash, block.hash):
            known[bytes(value).hex()] = "<chain>"
    return known


def masked(text: str, known: dict[str, str]) -> str:
    text = re.sub(r'datetime="[^"]+"', "", text)
    text = re.sub(r'\\?"size\\?": \d+', "<size>", text)  # of a snapshot that holds the head of the chain
    text = re.sub(rf"({'|'.join(TODAY)}),? \d\d:\d\d", "<now>", text)
    return re.sub(r"[0-9a-f]{8,}", lambda found: known.get(found[0], found[0]), text)


def contents(stratum: str) -> list[str]:
    """What only the key opens: what the places of the stratum hold, in order."""
    of_trial = Place.objects.filter(stratum__sealed_list__trial__slug="tiny", stratum__key=stratum)
    places = of_trial.select_related("stratum").order_by("position")
    return [
        unseal_place(
            bytes(place.content),
            list_id=place.stratum.sealed_list_id,
            stratum=stratum,
            position=place.position,
        )
        for place in places
    ]


def tell(file: str, *, changes: Mapping[str, str], live: Callable[[], Iterator[tuple[str, str]]]) -> None:
    """Write down what can be read in a world where `live` has done its part and told its pages."""
    seen: dict[str, str] = {}
    logged: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(f"{record.name} {record.getMessage()}")
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.DEBUG)
    os.urandom = random._urandom = Deterministic()
    setup_test_environment()
    settings.EXPORT_DIR = Path(file).with_suffix(".exports")
    factories.TINY = with_canaries(Path(file).with_suffix(".protocol"), changes)
    with time_machine.travel(THEN, tick=False), acting("system:test"):
        seen |= live()
        work(seen.__setitem__)
        seen["redis"] = redis()
        seen |= exports()
        seen |= tables()
        seen["e-mail"] = "\n".join(str(message.message()) for message in mail.outbox)
        seen["log"] = "\n".join(line for line in logged if not line.startswith(("celery", "kombu", "amqp")))
        everything = "\n".join(logged)
        known = masks()
        hidden = {key: contents(key) for key in Stratum.objects.values_list("key", flat=True)}
    copy = dump()
    seen["backup"] = in_one_order(copy)
    told = {name: masked(text, known) for name, text in seen.items()}
    result = {"seen": told, "dump": copy, "whole log": everything}
    Path(file).write_text(json.dumps(result | {"contents": hidden}))


def main(rooms: str, list_seed: str, file: str) -> None:
    tell(
        file,
        changes={"block_sizes = [4, 6]": BLOCK},
        live=lambda: pages(live(list_seed), tuple(rooms.split()) if rooms else ("",)),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
