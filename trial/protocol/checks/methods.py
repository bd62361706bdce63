"""Each method of randomization: what it needs, and what would let somebody guess the next arm."""

from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction

from trial.protocol.checks.problems import Problem
from trial.protocol.checks.readable import up_to_a_hole
from trial.protocol.schema import Protocol
from trial.protocol.schema.trial import CLUSTERS, Randomization, Site

LISTS = ("simple", "permuted_blocks", "big_stick", "biased_coin", "minimization", "imported_list")
USED_BY = {
    "block_sizes": ("permuted_blocks", "imported_list"),
    "strata": LISTS,
    "places_per_stratum": LISTS,
    "probability": ("biased_coin", "minimization"),
    "maximum_imbalance": ("big_stick", "biased_coin"),
    "imbalance": ("minimization",),
    "late_places": CLUSTERS,
}
"""Which keys belong to which methods; all other keys belong to every one."""
USED_AT_SITES = {"cluster": CLUSTERS, "group": ("stratified_clusters",), "pair": ("pairwise_clusters",)}
MOST_PLACES = 1_000_000


def check(protocol: Protocol) -> Iterator[Problem]:
    for name in USED_BY:
        yield from _belongs(protocol, name)
    for name in USED_AT_SITES:
        yield from _belongs_at_sites(protocol, name)
    yield from _method(protocol)


@up_to_a_hole
def _belongs(protocol: Protocol, name: str) -> Iterator[Problem]:
    design = protocol.randomization
    left_out = Randomization.model_fields[name].get_default()
    if design.method not in USED_BY[name] and getattr(design, name) != left_out:
        yield Problem(("randomization", name), f"belongs to {_any_of(USED_BY[name])}", "remove it")


@up_to_a_hole
def _belongs_at_sites(protocol: Protocol, name: str) -> Iterator[Problem]:
    if protocol.randomization.method in USED_AT_SITES[name]:
        return
    for number, site in enumerate(protocol.sites):
        if getattr(site, name):
            yield Problem(("sites", number, name), f"belongs to {_any_of(USED_AT_SITES[name])}", "remove it")


def _any_of(methods: tuple[str, ...]) -> str:
    return "the methods that randomize participants" if methods is LISTS else " or ".join(methods)


@up_to_a_hole
def _method(protocol: Protocol) -> Iterator[Problem]:
    if not protocol.randomization.ratio:
        return  # said of the ratio
    yield from _METHODS[protocol.randomization.method](protocol)
    if protocol.randomization.method in CLUSTERS:
        yield from _late_places(protocol)


def _no_more(protocol: Protocol) -> Iterator[Problem]:
    yield from ()


@up_to_a_hole
def _blocks(protocol: Protocol) -> Iterator[Problem]:
    path, sizes = ("randomization", "block_sizes"), protocol.randomization.block_sizes
    total = sum(protocol.randomization.ratio.values())
    if not sizes:
        yield Problem(path, "permuted blocks need sizes", f"[{2 * total}, {3 * total}]")
    if len(sizes) == 1:
        yield Problem(path, "one size alone lets more places be guessed", "two sizes", note=True)
    yield from _sizes(sizes, total)


@up_to_a_hole
def _imported(protocol: Protocol) -> Iterator[Problem]:
    sizes = protocol.randomization.block_sizes
    if len(sizes) > 1:
        what = "an imported list is checked by blocks of one size"
        yield Problem(("randomization", "block_sizes"), what, "one size, or none")
    yield from _sizes(sizes, sum(protocol.randomization.ratio.values()))


def _sizes(sizes: tuple[int, ...], total: int) -> Iterator[Problem]:
    for number, size in enumerate(sizes):
        path = ("randomization", "block_sizes", number)
        if size == 2:
            yield Problem(path, "in a block of 2 the second place is known beforehand", "4 or more")
        elif size % total:
            remedy = f"{(size // total + 1) * total}"
            yield Problem(path, f"{size} is not a multiple of {total}, the sum of the ratio", remedy)
        if size in sizes[:number]:
            yield Problem(path, f"{size} is there twice", "each size once")


@up_to_a_hole
def _big_stick(protocol: Protocol) -> Iterator[Problem]:
    if protocol.randomization.maximum_imbalance is None:
        yield Problem(("randomization",), "maximum_imbalance is missing", "maximum_imbalance = 3")
    yield from _coin(protocol)


@up_to_a_hole
def _biased_coin(protocol: Protocol) -> Iterator[Problem]:
    design, path = protocol.randomization, ("randomization", "probability")
    if design.probability is None:
        yield Problem(("randomization",), "probability is missing", "probability = “2/3”")
    elif not Fraction(1, 2) <= Fraction(design.probability) < 1:
        what = f"{design.probability} is not from 1/2 to below 1: the arm that is behind is preferred"
        yield Problem(path, what, "“2/3”")
    elif Fraction(design.probability) == Fraction(1, 2) and design.maximum_imbalance is None:
        yield Problem(path, "a fair coin without maximum_imbalance balances nothing", "“2/3”")
    yield from _coin(protocol)


@up_to_a_hole
def _coin(protocol: Protocol) -> Iterator[Problem]:
    design = protocol.randomization
    if len(design.ratio) != 2 or set(design.ratio.values()) != {1}:
        yield Problem(("randomization", "ratio"), "a coin has two sides: two arms, one to one", "1 and 1")
    if design.maximum_imbalance == 1:
        path = ("randomization", "maximum_imbalance")
        yield Problem(path, "with 1, every second place is known beforehand", "2 or more")


@up_to_a_hole
def _minimization(protocol: Protocol) -> Iterator[Problem]:
    design = protocol.randomization
    if not design.strata:
        yield Problem(("randomization", "strata"), "minimization needs factors to balance")
    fair = Fraction(min(design.ratio.values()), sum(design.ratio.values()))
    if design.probability is None:
        yield Problem(("randomization",), "probability is missing", "probability = “4/5”")
    elif not fair < Fraction(design.probability) < 1:
        what = (
            f"{design.probability} is not between {fair}, which balances nothing, and 1, which can be guessed"
        )
        yield Problem(("randomization", "probability"), what, "“4/5”")
    if design.places_per_stratum is not None and design.places_per_stratum < protocol.target:
        path = ("randomization", "places_per_stratum")
        what = f"the one list needs a place for each of {protocol.target} participants"
        yield Problem(path, what, f"{protocol.target} or more")


@up_to_a_hole
def _complete(protocol: Protocol) -> Iterator[Problem]:
    yield from _whole(protocol.sites)
    yield from _enough(("sites",), "the trial", len(protocol.sites), protocol)


@up_to_a_hole
def _stratified(protocol: Protocol) -> Iterator[Problem]:
    yield from _whole(protocol.sites)
    count = Counter(site.group for site in protocol.sites)
    for number, site in enumerate(protocol.sites):
        if site.group is None:
            yield Problem(("sites", number), f"“{site.key}” has no group", "group = …")
        elif site.group not in [earlier.group for earlier in protocol.sites[:number]]:
            path = ("sites", number, "group")
            yield from _enough(path, f"the group “{site.group}”", count[site.group], protocol)


@up_to_a_hole
def _pairs(protocol: Protocol) -> Iterator[Problem]:
    ratio = protocol.randomization.ratio
    if len(ratio) != 2 or set(ratio.values()) != {1}:
        yield Problem(("randomization", "ratio"), "pairs go to two arms, one unit to each", "1 and 1")
    yield from _whole(protocol.sites)
    count = Counter(site.pair for site in protocol.sites)
    for number, site in enumerate(protocol.sites):
        if site.pair is None:
            yield Problem(("sites", number), f"“{site.key}” has no pair", "pair = …")
        elif count[site.pair] != 2:
            what = f"the pair “{site.pair}” has {count[site.pair]} site(s)"
            yield Problem(("sites", number, "pair"), what, "exactly two sites make a pair")


@up_to_a_hole
def _whole(sites: tuple[Site, ...]) -> Iterator[Problem]:
    for number, site in enumerate(sites):
        if not site.cluster:
            what = f"“{site.key}” must be randomized as a whole"
            yield Problem(("sites", number), what, "cluster = true")


def _enough(path: tuple[str | int, ...], where: str, count: int, protocol: Protocol) -> Iterator[Problem]:
    total = sum(protocol.randomization.ratio.values())
    if count < total:
        what = f"{where} has {count} site(s), and the ratio's sum is {total}"
        yield Problem(path, what, f"at least {total} sites")


@up_to_a_hole
def _late_places(protocol: Protocol) -> Iterator[Problem]:
    design, path = protocol.randomization, ("randomization", "late_places")
    if design.method == "pairwise_clusters" and design.late_places % 2:
        yield Problem(path, "pairs need two places each", f"{design.late_places + 1}")
    if design.late_places > MOST_PLACES:
        yield Problem(path, f"there can be at most {MOST_PLACES}")


_METHODS: dict[str, Callable[[Protocol], Iterator[Problem]]] = {
    "simple": _no_more,
    "permuted_blocks": _blocks,
    "big_stick": _big_stick,
    "biased_coin": _biased_coin,
    "minimization": _minimization,
    "imported_list": _imported,
    "complete_clusters": _complete,
    "stratified_clusters": _stratified,
    "pairwise_clusters": _pairs,
}
