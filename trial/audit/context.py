"""Who is acting, why, and in which request: what the database writes beside every change.

The answer is carried in a context variable. `trial.audit.postgresql` brings it to the connection before the
next statement, so it is right inside a transaction, after a rollback and on a connection taken from a pool.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Act:
    """`actor` is `user:<id>`, `participant:<study id>`, `public` or `system:<name>`; empty means nobody."""

    actor: str = ""
    reason: str = ""
    request: str = ""


NOBODY = Act()
_current: ContextVar[Act] = ContextVar("tilbake_act", default=NOBODY)


def current() -> Act:
    return _current.get()


@contextmanager
def acting(actor: str, reason: str = "", request: str = "") -> Iterator[None]:
    """Everything written inside is written by `actor`. May be nested; the outer actor returns afterwards."""
    token = _current.set(Act(actor, reason, request))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def because(reason: str) -> Iterator[None]:
    """Adds a reason to whoever is acting."""
    token = _current.set(replace(_current.get(), reason=reason))
    try:
        yield
    finally:
        _current.reset(token)


def become(actor: str) -> None:
    """From here to the end of the enclosing `acting`, it is `actor` who acts: somebody logged in."""
    _current.set(replace(_current.get(), actor=actor))
