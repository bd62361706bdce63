"""Twins of other designs, smaller: `python -m tests.randomization.small_twins DESIGN SEED FILE`.

What comes is hidden in another way in each: in the draws of minimization, in a blinded list that was made
elsewhere and calls its places by numbers, in the late places of a cluster trial.
"""

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

import django

if __name__ == "__main__":
    django.setup()

from django.test import Client
from django.urls import reverse

from randomization.designs import Design, Factor, MinimizationDesign, PairDesign, design_from
from randomization.drbg import SEED_BYTES
from randomization.models import SealedList
from randomization.services import allocate, seal_lists
from tests.factories import NOW, amend, by_method, make_trial, make_user, make_verified_participant
from tests.randomization.imported import STRATA
from tests.randomization.test_unblinding import MASKED
from tests.randomization.twins import (
    CANARIES,
    COMING,
    GIVEN,
    STRATUM,
    print_the_next_place,
    read,
    sealed_with,
    tell,
    twin_seeds,
)
from trial.accounts.roles import ALL
from trial.audit.services import seal_events
from trial.core import chance
from trial.protocol.models import Trial

FIRST, SECOND = CANARIES.values()
ONE_TO_ONE = {FIRST: 1, SECOND: 1}
BODY = {"site": "north", "complaint": "body"}
FACTORS = (Factor("site", ("north", "south")), Factor("complaint", ("body", "mind")))
MINIMIZED = MinimizationDesign(ONE_TO_ONE, FACTORS, 400, Fraction(4, 5), "range")
PAIRED = PairDesign(tuple(ONE_TO_ONE), {"one": ("north", "south")}, 4)
TWO_MORE_SITES = "".join(
    f'[[sites]]\nkey = "{key}"\nname = "{key.title()}"\ncluster = true\npair = "two"\n\n'
    for key in ("east", "west")
)
Held = Mapping[str, list[str]]
"""What the places of each stratum hold."""


class Kind(NamedTuple):
    """A design, and what is hidden in it."""

    changes: dict[str, str]
    seeds: Callable[[], tuple[str, str]]
    arms: Callable[[Held], list[str]]
    """Those that are given, and those that come."""
    seal: Callable[[str], Callable[[Trial], None]] = sealed_with


def minimized(held: Held) -> list[str]:
    """The arms of people who are all alike."""
    counts = {key: {level: Counter[str]()} for key, level in BODY.items()}
    arms = []
    for draw in held["all"][: GIVEN + COMING]:
        arms.append(MINIMIZED.decide(BODY, counts, int(draw)).arm)
        for key, level in BODY.items():
            counts[key][level][arms[-1]] += 1
    return arms


def paired(held: Held) -> list[str]:
    return held["pair=one"] + held["late"]


def searched(design: Design, arms: Callable[[Held], list[str]], given: int) -> tuple[str, str]:
    def is_first(seed: str) -> list[bool]:
        with chance.seeded(seed):
            held = design.list_from(chance.token_bytes(SEED_BYTES), trial="tiny")
        return [arm == FIRST for arm in arms(held)]

    return twin_seeds(agree=given, differ=COMING, is_first=is_first)


def imported(coming: str) -> Callable[[Trial], None]:
    """A list made elsewhere whose places have numbers; every stratum's second block is this one."""
    arms = [list(CANARIES.values())[int(one)] for one in f"0110{coming}"]
    codes = random.Random(1).sample(range(100, 1000), len(STRATA) * len(arms))
    lines = [
        f"{stratum},{position},{arm},{codes.pop()}"
        for stratum in STRATA
        for position, arm in enumerate(arms, start=1)
    ]
    file = "\n".join(["stratum,position,arm,code", *lines]).encode()

    def seal(trial: Trial) -> None:
        by = make_user("statistician", trial=trial)
        seal_lists(trial=trial, by=by, now=NOW, imported=file, as_it_is=True)

    return seal


KINDS = {
    "minimization": Kind(by_method("minimization"), lambda: searched(MINIMIZED, minimized, GIVEN), minimized),
    "pairwise_clusters": Kind(by_method("pairwise_clusters"), lambda: searched(PAIRED, paired, 2), paired),
    "imported_list": Kind(
        {
            'method = "permuted_blocks"': 'method = "imported_list"',
            "block_sizes = [4, 6]": "block_sizes = [4]",
            "places_per_stratum = 40": "places_per_stratum = 8",
            **MASKED,
        },
        lambda: ("0101", "1010"),
        lambda held: held[STRATUM],
        seal=imported,
    ),
}
OF_TRIAL = ("desk", "envelopes", "extend", "reports", "unblindings", "commitment")
OF_SITE = ("site_envelopes", "late_site")
OF_PARTICIPANT = ("change", "history", "allocation", "certificate", "randomize")


def live(design: str, list_seed: str) -> Iterator[tuple[str, str]]:
    """So many places are given, one waits for the next, and everybody looks."""
    trial = make_trial()
    KINDS[design].seal(list_seed)(trial)
    by = make_user("coordinator", trial=trial)
    people = [make_verified_participant(trial, by=by) for _ in range(GIVEN + 1)]
    for participant in people[:GIVEN]:
        allocate(participant=participant, by=by, now=NOW)
    if design == "minimization":
        assert design_from(SealedList.objects.get().design) == MINIMIZED
    if design == "imported_list":
        print_the_next_place(trial.sites.get(key="north"))
    sites = ["north"]
    if design == "pairwise_clusters":
        amend(trial, {"[eligibility]\n": f"{TWO_MORE_SITES}[eligibility]\n"})
        sites.append("east")
    seal_events(now=NOW)
    addresses = [reverse(f"randomization:{name}", args=[trial.slug]) for name in OF_TRIAL]
    addresses += [
        reverse(f"randomization:{name}", args=[trial.slug, key]) for name in OF_SITE for key in sites
    ]
    addresses += [
        reverse(f"admin:people_participant_{name}", args=[participant.pk])
        for name in OF_PARTICIPANT
        for participant in people[-2:]
    ]
    addresses += [reverse("admin:people_participant_changelist"), reverse("analysis:room", args=[trial.slug])]
    addresses += [reverse("admin:audit_auditevent_changelist")]
    browser = Client()
    for role in ALL:
        user = make_user(role.key, trial=None if role.key == "system_administrator" else trial)
        browser.force_login(user)
        for address in addresses:
            yield f"page {address} {role.key}", read(browser.get(address))


if __name__ == "__main__":
    kind, seed, path = sys.argv[1:]
    tell(path, changes=KINDS[kind].changes, live=lambda: live(kind, seed))
