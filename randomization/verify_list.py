"""Checks a revealed randomization list. It needs Python 3.11 or newer, and nothing else: no part of Tilbake.

    python verify_list.py LIST NONCE NUMBER [allocations.csv] [--earlier LIST] [--seed FILE] [...]

It compares
  1. list and nonce with the commitment, the number that was published before the list's first place was used;
     with --earlier, for a list that was made longer, its first places with all those of the list before;
  2. with --seed: every place with the list made again from the secret seed (what the list was drawn from);
  3. with allocations.csv: every participant's place and arm with the list, in order, none skipped, none given
     twice. With minimization every decision is made again from the list's draws and the participants' levels.
     --envelopes names the places that were reserved for days when the system was down; --sites, in a cluster
     trial, those of the sites as they came: without it, a late place that was skipped is not noticed.

It says one sentence for each and ends with 0, or says the first thing that does not agree and ends with 1
(2: a file is missing or cannot be read). How lists are made is written down in randomization-list.md.
"""

import argparse
import csv
import hashlib
import hmac
import io
import itertools
import json
import re
import statistics
import struct
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

WORDS = 2**32  # a word of the stream is a number below this

Row = dict[str, str]
Rows = list[Row]
Design = dict[str, Any]


class Disagreement(Exception):
    """Two things do not agree; the message says which."""


class Unreadable(Exception):
    """A file is missing or is not what it should be."""


class RevealedList:
    """What list.txt says: the trial, its design, and what each place of each stratum holds."""

    def __init__(self, name: str) -> None:
        self.name, self.data = name, read_bytes(name)
        try:
            version, trial, design, *lines, end = self.data.decode().split("\n")
            self.trial, self.design = trial.removeprefix("trial "), json.loads(design.removeprefix("design "))
            self.method: str = self.design["method"]
        except (KeyError, ValueError):
            version = ""
        if version != "tilbake-list-1" or end:
            raise Unreadable(f"{name} is not the list as it was revealed: take it anew, unopened")
        self.places, held = dict[str, list[str]](), list[str]()
        for line in lines:
            start, _space, rest = line.partition(" ")
            if start == "stratum" and rest not in self.places:
                held = self.places[rest] = []
            elif self.places and rest and start == str(len(held) + 1):
                held.append(rest)
            else:
                raise Disagreement(f"a line of the list is out of order: {line}")

    def at(self, stratum: str, position: str, where: str) -> str:
        """What the place holds."""
        held = self.places.get(stratum)
        if held is None:
            raise Disagreement(f"{where}: the list has no stratum {stratum}")
        if not position.isdecimal() or not 1 <= int(position) <= len(held):
            raise Disagreement(f"{where}: {stratum} has places 1 to {len(held)}, not {position}")
        return held[int(position) - 1]


def read_bytes(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise Unreadable(f"{name} cannot be read: {error.strerror}") from None


def read_number(name: str) -> bytes:
    """Nonce and seed are files with 32 bytes, written as 64 hexadecimal digits."""
    digits = read_bytes(name).strip()
    if not re.fullmatch(rb"[0-9a-fA-F]{64}", digits):
        raise Unreadable(f"{name} must hold 64 hexadecimal digits and nothing else")
    return bytes.fromhex(digits.decode())


def read_csv(name: str, columns: str) -> Rows:
    try:
        reader = csv.DictReader(io.StringIO(read_bytes(name).decode("utf-8-sig"), newline=""), strict=True)
        rows = list(reader)
    except UnicodeDecodeError:
        raise Unreadable(f"{name} is not UTF-8 text: save it as CSV UTF-8") from None
    except csv.Error as error:
        raise Unreadable(f"{name} is not a CSV file: {error}") from None
    if missing := set(columns.split()) - set(reader.fieldnames or ()):
        raise Unreadable(f"{name} lacks the column {', '.join(sorted(missing))}")
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise Unreadable(f"row {number} of {name} has too many or too few columns")
    return rows


# --- 1. the commitment, and the lists before ---


def check_commitment(listed: RevealedList, nonce: bytes, commitment: str) -> None:
    """SHA-256 over the nonce's 32 bytes and then the list, byte for byte."""
    if hashlib.sha256(nonce + listed.data).hexdigest() != commitment.strip().replace(" ", "").lower():
        raise Disagreement("list and nonce do not give this commitment")


def check_earlier(listed: RevealedList, earlier: RevealedList) -> None:
    """A longer list has every place of the earlier one, and more after them."""
    if (listed.trial, listed.design) != (earlier.trial, earlier.design):
        raise Disagreement(f"{earlier.name} is of another trial or design")
    for stratum, held in earlier.places.items():
        if place := first_difference(listed.places.get(stratum, [])[: len(held)], held):
            raise Disagreement(f"place {place} of {stratum} is not the one of {earlier.name}")


def first_difference(some: list[str], others: list[str]) -> int | None:
    pairs = itertools.zip_longest(some, others)
    return next((place for place, (one, other) in enumerate(pairs, start=1) if one != other), None)


# --- 2. the list from its seed ---


class Stream:
    """The random words of one stratum: HMAC-SHA256 over a counter, with a key made of seed and names."""

    def __init__(self, seed: bytes, trial: str, stratum: str) -> None:
        names = b"tilbake-list-1\0" + trial.encode() + b"\0" + stratum.encode()
        key = hmac.digest(seed, names, "sha256")
        blocks = (hmac.digest(key, number.to_bytes(8, "big"), "sha256") for number in itertools.count())
        self.words = (word for block in blocks for word in struct.unpack(">8I", block))

    def below(self, n: int) -> int:
        """A number from 0 to n - 1; words that would favour the small ones are skipped."""
        return next(word for word in self.words if word < WORDS - WORDS % n) % n

    def shuffled(self, items: list[str]) -> list[str]:
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]
        return items


def unit_of(design: Design, times: int = 1) -> list[str]:
    """Each arm as often as its share, so many times, in the design's order."""
    return [arm for arm, share in design["ratio"] for _ in range(share * times)]


def simple(design: Design, stream: Stream, stratum: str, at_least: int) -> list[str]:
    return [unit_of(design)[stream.below(len(unit_of(design)))] for _ in range(at_least)]


def blocks(design: Design, stream: Stream, stratum: str, at_least: int) -> list[str]:
    sizes, places = design["block_sizes"], list[str]()
    while len(places) < at_least:
        size = sizes[stream.below(len(sizes))] if len(sizes) > 1 else sizes[0]
        places += stream.shuffled(unit_of(design, size // len(unit_of(design))))
    return places


def coin(design: Design, stream: Stream, stratum: str, at_least: int) -> list[str]:
    (first, _), (second, _) = design["ratio"]
    limit, ahead, places = design["maximum_imbalance"], 0, list[str]()
    for _ in range(at_least):
        behind = Fraction(1) if limit and abs(ahead) >= limit else Fraction(design["probability"])
        of_first = Fraction(1, 2) if ahead == 0 else behind if ahead < 0 else 1 - behind
        is_first = stream.below(of_first.denominator) < of_first.numerator
        places.append(first if is_first else second)
        ahead += 1 if is_first else -1
    return places


def draws(design: Design, stream: Stream, stratum: str, at_least: int) -> list[str]:
    return [str(next(stream.words)) for _ in range(at_least)]


def clusters(design: Design, stream: Stream, stratum: str, at_least: int) -> list[str]:
    unit, places = unit_of(design), list[str]()
    if stratum.split("=")[0] == "late":
        while len(places) < at_least:
            places += stream.shuffled(unit * 2)
        return places
    part = stream.shuffled(list(unit))[: at_least % len(unit)]
    return stream.shuffled(unit * (at_least // len(unit)) + part)


def pairs(design: Design, stream: Stream, stratum: str, at_least: int) -> list[str]:
    return [arm for _ in range(0, at_least, 2) for arm in stream.shuffled(list(design["arms"]))]


MAKERS: dict[str, Callable[[Design, Stream, str, int], list[str]]] = {
    "simple": simple,
    "permuted_blocks": blocks,
    "biased_coin": coin,
    "minimization": draws,
    "complete_clusters": clusters,
    "stratified_clusters": clusters,
    "pairwise_clusters": pairs,
}


def sizes_of(design: Design) -> dict[str, int]:
    """The strata that the design asks for, with the number of places that each has at least."""
    late: int = design.get("late_places") or 0
    if design["method"] == "pairwise_clusters":
        return {f"pair={pair}": 2 for pair, _sites in design["pairs"]} | ({"late": late} if late else {})
    if design["method"].endswith("_clusters"):
        sizes = {site_stratum("group", group): len(sites) for group, sites in design["groups"]}
        return sizes | {site_stratum("late", group): late for group, _sites in design["groups"] if late}
    if design["method"] == "minimization":
        return {"all": design["places_per_stratum"]}
    levels = [[f"{key}={level}" for level in known] for key, known, *_weight in design["factors"]]
    return {";".join(one) or "all": design["places_per_stratum"] for one in itertools.product(*levels)}


def site_stratum(factor: str, group: str) -> str:
    alone = "all" if factor == "group" else "late"
    return alone if group == "all" else f"{factor}={group}"


def check_seed(listed: RevealedList, seed: bytes) -> None:
    if listed.method not in MAKERS:
        raise Disagreement(f"no seed makes this list: its method is {listed.method}")
    sizes = sizes_of(listed.design)
    if listed.places.keys() != sizes.keys():
        raise Disagreement("the list has other strata than its design")
    for stratum, held in listed.places.items():
        stream, at_least = Stream(seed, listed.trial, stratum), max(len(held), sizes[stratum])
        made = MAKERS[listed.method](listed.design, stream, stratum, at_least)
        if place := first_difference(made, held):
            raise Disagreement(f"the seed does not make place {place} of {stratum}")


# --- 3. the allocations ---


def check_allocations(listed: RevealedList, rows: Rows, envelopes: Rows | None, sites: Rows) -> None:
    everybody = Counter(row["study_id"] for row in rows)
    for number, row in enumerate(rows, start=1):
        if row["number"] != str(number):
            raise Disagreement(f"allocation {number} is missing or out of order")
        if everybody[row["study_id"]] > 1:
            raise Disagreement(f"{row['study_id']} was allocated twice")
    rows = [*sites, *rows] if listed.method.endswith("_clusters") else rows
    held = [listed.at(row["stratum"], row["position"], name_of(row)) for row in rows]
    for one in envelopes or []:
        listed.at(one["stratum"], one["position"], f"envelope {one['number']} of {one['site']}")
    if listed.method.endswith("_clusters"):
        check_sites(listed, rows, sites)
    else:
        check_order(rows, envelopes)
    arms = decided(listed.design, rows, held) if listed.method == "minimization" else iter(held)
    for row, arm in zip(rows, arms, strict=True):
        if row["arm"] != arm:
            raise Disagreement(f"{name_of(row)} does not have the arm of its place")


def check_order(rows: Rows, envelopes: Rows | None) -> None:
    """Each stratum's places were given one after another; those in envelopes in any order, or to nobody."""
    opened = {place_of(row) for row in rows if row["envelope"]}
    if opened != {place_of(one) for one in envelopes or [] if one["state"] == "used"}:
        raise Disagreement("allocations and envelopes do not say the same of which envelopes were used")
    taken = defaultdict[str, list[int]](list)
    for row in sorted(rows, key=lambda row: bool(row["envelope"])):  # a stable sort: these come last
        stratum, position = place_of(row)
        if not row["envelope"] and taken[stratum] and position < taken[stratum][-1]:
            raise Disagreement(f"{name_of(row)}: place {position} of {stratum} was given too late")
        taken[stratum].append(position)
    for one in envelopes or []:
        if one["state"] != "used":
            taken[one["stratum"]].append(int(one["position"]))
    for stratum, positions in taken.items():
        for expected, position in enumerate(sorted(positions), start=1):
            if position > expected and envelopes is None:
                raise Unreadable(f"{stratum}: place {expected} is skipped or reserved: give --envelopes FILE")
            if position != expected:
                became = "given twice" if position < expected else "skipped"
                raise Disagreement(f"place {min(position, expected)} of {stratum} was {became}")


def name_of(row: Row) -> str:
    return f"allocation {row['number']} ({row['study_id']})" if "number" in row else f"site {row['site']}"


def place_of(row: Row) -> tuple[str, int]:
    return row["stratum"], int(row["position"])


def check_sites(listed: RevealedList, rows: Rows, came: Rows) -> None:
    """All participants of a site have its place: that of the design or, for a late site, the next one."""
    of_site: dict[str, tuple[str, int]] = {}
    for name, sites in listed.design["pairs" if listed.method == "pairwise_clusters" else "groups"]:
        stratum = f"pair={name}" if listed.method == "pairwise_clusters" else site_stratum("group", name)
        of_site |= {site: (stratum, position) for position, site in enumerate(sorted(sites), start=1)}
    of_place = {place: site for site, place in of_site.items()}
    check_order([one | {"envelope": ""} for one in came if one["site"] not in of_site], [])
    if came and (others := {row["site"] for row in rows} - {one["site"] for one in came}):
        raise Disagreement(f"no place is named for the site {min(others)}")
    for row in rows:
        if of_site.setdefault(row["site"], place_of(row)) != place_of(row):
            raise Disagreement(f"{name_of(row)} does not have the place of the site {row['site']}")
        if of_place.setdefault(place_of(row), row["site"]) != row["site"]:
            raise Disagreement(f"{name_of(row)} has the place of the site {of_place[place_of(row)]}")


def decided(design: Design, rows: Rows, held: list[str]) -> Iterator[str]:
    """The arm of each participant by minimization, one after another."""
    counts = Counter[tuple[str, str, str]]()
    for row, draw in zip(rows, held, strict=True):
        levels = {key: row.get(f"level:{key}", "") for key, _levels, _weight in design["factors"]}
        for key, known, _weight in design["factors"]:
            if levels[key] not in known:
                raise Disagreement(f"{name_of(row)}: {key} has no level {levels[key]!r}")
        arm = decide(design, counts, levels, int(draw))
        counts.update((*factor, arm) for factor in levels.items())
        yield arm


def decide(design: Design, counts: Counter[tuple[str, str, str]], levels: dict[str, str], draw: int) -> str:
    """Pocock and Simon's rule: most probably the arm that balances best, by a draw that was made before."""
    ratio: dict[str, int] = dict(design["ratio"])
    scores = dict.fromkeys(ratio, Fraction(0))
    for arm, (key, _levels, weight) in itertools.product(ratio, design["factors"]):
        with_arm = {one: counts[key, levels[key], one] + (one == arm) for one in ratio}
        numbers = [Fraction(with_arm[one], share) for one, share in ratio.items()]
        is_range = design["imbalance"] == "range"
        scores[arm] += weight * (max(numbers) - min(numbers) if is_range else statistics.variance(numbers))
    best = [arm for arm in ratio if scores[arm] == min(scores.values())]
    total, smallest, reached = sum(ratio.values()), min(ratio.values()), Fraction(0)
    for arm in ratio:
        for preferred in best:
            rest = total - ratio[preferred]
            missed = (1 - Fraction(design["probability"])) * Fraction(rest, total - smallest)
            probability = 1 - missed if arm == preferred else missed * Fraction(ratio[arm], rest)
            reached += probability * Fraction(ratio[preferred], sum(ratio[one] for one in best))
        if draw < reached * WORDS:
            return arm
    raise Disagreement(f"no arm follows from the draw {draw}")


def check(given: argparse.Namespace) -> Iterator[str]:
    """What agrees, one sentence at a time."""
    listed = RevealedList(given.list)
    check_commitment(listed, read_number(given.nonce), given.commitment)
    places = sum(map(len, listed.places.values()))
    yield f"The list is the one that was committed to: {len(listed.places)} strata, {places} places."
    for name in given.earlier:
        check_earlier(listed, RevealedList(name))
        yield f"Its first places are all those of {name}."
    if given.seed:
        check_seed(listed, read_number(given.seed))
        yield "The seed makes this list, every place of it."
    if given.allocations:
        rows = read_csv(given.allocations, "number study_id stratum position arm site envelope")
        if not given.envelopes and any(row["envelope"] for row in rows):
            raise Unreadable("some places were in envelopes: give --envelopes FILE")
        envelopes = given.envelopes and read_csv(given.envelopes, "site number stratum position state")
        sites = read_csv(given.sites, "site stratum position arm") if given.sites else []
        check_allocations(listed, rows, envelopes, sites)
        yield f"All {len(rows)} allocations follow the list."


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Check a revealed randomization list.")
    parser.add_argument("list", help="list.txt, as it was revealed")
    parser.add_argument("nonce", help="nonce.txt: 64 hexadecimal digits")
    parser.add_argument("commitment", help="the number that was published in advance")
    parser.add_argument("allocations", nargs="?", help="allocations.csv from the closing archive")
    parser.add_argument("--earlier", metavar="LIST", action="append", default=[], help="the list before it")
    parser.add_argument("--envelopes", metavar="FILE", help="envelopes.csv from the closing archive")
    parser.add_argument("--sites", metavar="FILE", help="sites.csv from the closing archive")
    parser.add_argument("--seed", metavar="FILE", help="seed.txt: 64 hexadecimal digits")
    try:
        for sentence in check(parser.parse_intermixed_args(arguments)):
            print(f"OK      {sentence}")
    except Disagreement as found:
        print(f"NOT OK  {found}.")
        sys.exit(1)
    except Unreadable as found:
        parser.exit(2, f"verify_list.py: {found}.\n")


if __name__ == "__main__":
    main()
