"""A design in the protocol's words, for whoever reads it."""

from collections.abc import Iterable, Iterator, Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from randomization.design import SITE
from randomization.designs import (
    BlockDesign,
    ClusterDesign,
    CoinDesign,
    Design,
    ImportedDesign,
    MinimizationDesign,
    PairDesign,
    SitesDesign,
    StratifiedClusterDesign,
)
from randomization.designs.base import EVERYBODY, StrataDesign
from randomization.designs.clusters import is_late
from randomization.designs.coins import FAIR
from trial.protocol.reading import Study
from trial.protocol.schema.trial import StratumFactor

BIG_STICK = "big_stick"
"""As the protocol file calls a fair coin with a limit, which is sealed as a biased coin."""

Facts = list[tuple[str, str]]
"""What something is called, and what it is."""


class Names:
    """Arms, factors, strata and groups of one protocol in one language."""

    def __init__(self, study: Study, language: str) -> None:
        self.protocol, self.language = study.protocol, language
        instruments = study.instruments.values()
        items = [*self.protocol.eligibility.items, *(item for one in instruments for item in one.items)]
        self._questions = {item.key: item.label.in_(language) for item in items}
        self._sites = {site.key: site.name for site in self.protocol.sites}
        self._arms = {arm.key: arm.name.in_(language) for arm in self.protocol.arms}

    def facts(self, design: Design) -> Facts:
        """All that can be said of the design, but for its groups or pairs of sites."""
        return [(_("Method"), in_words(_method_of(design))), *self._facts(design)]

    def factors_by_key(self) -> dict[str, str]:
        """The question that each factor comes from."""
        return {factor.key: self._factor(factor) for factor in self.protocol.randomization.strata}

    def units(self, design: Design) -> list[tuple[str, list[str]]]:
        """Each group or pair of sites that are randomized together, with the sites' names."""
        if isinstance(design, PairDesign):
            return self._named(design.pairs)
        return self._named(design.groups) if isinstance(design, StratifiedClusterDesign) else []

    def stratum(self, key: str) -> str:
        """The levels of a stratum's key; a level that the protocol does not know keeps its key."""
        levels = {factor.key: self._levels(factor) for factor in self.protocol.randomization.strata}
        parts = [part.split("=", 1) for part in key.split(";") if "=" in part]
        words = [levels.get(factor, {}).get(level, level) for factor, level in parts]
        if is_late(key):
            words.insert(0, _("Late sites"))
        return ", ".join(words) or _("Everybody")

    def levels(self, levels: Mapping[str, str]) -> Facts:
        """Each question that decides a place, with its level among these; the site goes without saying."""
        factors = [one for one in self.protocol.randomization.strata if one.source != SITE]
        return [(self._factor(one), self._levels(one)[levels[one.key]]) for one in factors]

    def _facts(self, design: Design) -> Facts:
        if isinstance(design, PairDesign):
            return [(_("Arms"), self._listed(design.arms)), _late(design.late_places)]
        if isinstance(design, ClusterDesign):
            sites = [(_("Sites"), ", ".join(self._site_names(design.groups.get(EVERYBODY, ()))))]
            together = sites if EVERYBODY in design.groups else []
            each = isinstance(design, StratifiedClusterDesign)
            return [self._ratio(design.ratio), *together, _late(design.late_places, each_group=each)]
        if isinstance(design, StrataDesign):
            return [self._ratio(design.ratio), *_settings(design), *self._factors(design), _places(design)]
        return []

    def _ratio(self, ratio: Mapping[str, int]) -> tuple[str, str]:
        arms = " : ".join(self._arms.get(arm, arm) for arm in ratio)
        return _("Ratio"), f"{arms} = {' : '.join(map(str, ratio.values()))}"

    def _factors(self, design: StrataDesign) -> Facts:
        weights = {factor.key: factor.weight for factor in design.factors}
        facts = []
        for factor in self.protocol.randomization.strata:
            levels = ", ".join(self._levels(factor).values())
            if isinstance(design, MinimizationDesign):
                weight = _("weight %(weight)s") % {"weight": weights.get(factor.key, factor.weight)}
                levels = f"{levels} ({weight})"
            facts.append((_("Balanced by: %(factor)s") % {"factor": self._factor(factor)}, levels))
        return facts

    def _factor(self, factor: StratumFactor) -> str:
        return _("Site") if factor.source == SITE else self._questions.get(factor.source, factor.key)

    def _levels(self, factor: StratumFactor) -> dict[str, str]:
        if factor.source == SITE:
            return self._sites
        return {level.key: level.name.in_(self.language) for level in factor.levels}

    def _listed(self, arms: Iterable[str]) -> str:
        return ", ".join(self._arms.get(arm, arm) for arm in arms)

    def _named(self, groups: Mapping[str, tuple[str, ...]]) -> list[tuple[str, list[str]]]:
        return [(group, self._site_names(sites)) for group, sites in groups.items()]

    def _site_names(self, sites: Iterable[str]) -> list[str]:
        return [self._sites.get(site, site) for site in sites]


def in_words(method: str) -> str:
    """What a method of the protocol file is called, and what it does."""
    name, does = METHODS[method]
    return f"{name}: {does}"


def in_short(design: Design) -> str:
    """The method with the numbers that tell it from another design."""
    name, _does = METHODS[_method_of(design)]
    numbers = ", ".join(_numbers(design))
    return f"{name} ({numbers})" if numbers else str(name)


METHODS = {
    "simple": (gettext_lazy("Simple randomization"), gettext_lazy("each place is drawn by the ratio alone")),
    "permuted_blocks": (
        gettext_lazy("Permuted blocks"),
        gettext_lazy("each block holds the ratio, in a drawn order"),
    ),
    BIG_STICK: (gettext_lazy("Big stick"), gettext_lazy("a fair coin, until one arm is too far ahead")),
    "biased_coin": (gettext_lazy("Biased coin"), gettext_lazy("the arm that is behind is preferred")),
    "minimization": (
        gettext_lazy("Minimization"),
        gettext_lazy("the arm that balances the factors best is preferred"),
    ),
    "imported_list": (gettext_lazy("Imported list"), gettext_lazy("it is made elsewhere")),
    "complete_clusters": (gettext_lazy("Whole sites"), gettext_lazy("all at once")),
    "stratified_clusters": (gettext_lazy("Groups of sites"), gettext_lazy("all at once within each group")),
    "pairwise_clusters": (
        gettext_lazy("Matched pairs of sites"),
        gettext_lazy("one of each pair to each arm, all at once"),
    ),
}
"""The protocol file's methods: name, and what it does."""


def _method_of(design: Design) -> str:
    return BIG_STICK if isinstance(design, CoinDesign) and design.probability == FAIR else design.method


def _numbers(design: Design) -> Iterator[str]:
    if isinstance(design, BlockDesign):
        yield from map(str, design.block_sizes)
    if isinstance(design, ImportedDesign) and design.block_size:
        yield str(design.block_size)
    if isinstance(design, MinimizationDesign | CoinDesign) and _method_of(design) != BIG_STICK:
        yield str(design.probability)
    if isinstance(design, CoinDesign) and design.maximum_imbalance is not None:
        yield _("at most %(most)s apart") % {"most": design.maximum_imbalance}


def _settings(design: StrataDesign) -> Facts:
    """What only this method has."""
    if isinstance(design, BlockDesign):
        sizes = ", ".join(map(str, design.block_sizes))
        drawn = _("each block's size is drawn")
        return [(_("Block sizes"), f"{sizes} ({drawn})" if len(design.block_sizes) > 1 else sizes)]
    if isinstance(design, CoinDesign):
        facts = [(_("Probability of the arm that is behind"), str(design.probability))]
        if design.maximum_imbalance is not None:
            facts.append((_("Largest difference in a stratum"), str(design.maximum_imbalance)))
        return facts
    if isinstance(design, MinimizationDesign):
        measures = {"range": _("range of the numbers"), "variance": _("variance of the numbers")}
        return [
            (_("Probability of the preferred arm"), str(design.probability)),
            (_("Measure of imbalance"), measures[design.imbalance]),
        ]
    if isinstance(design, ImportedDesign) and design.block_size:
        return [(_("Block sizes"), str(design.block_size))]
    return []


def _places(design: StrataDesign) -> tuple[str, str]:
    words = _("at least %(places)s") % {"places": design.places_per_stratum}
    one_list = isinstance(design, MinimizationDesign)
    return (_("Places in the one list"), words) if one_list else (_("Places in each stratum"), words)


def _late(places: int, *, each_group: bool = False) -> tuple[str, str]:
    words = _("%(places)s in each group of sites") if each_group else "%(places)s"
    return _("Places for late sites"), words % {"places": places} if places else _("none")


def is_at_once(design: Design, stratum: str) -> bool:
    """Whether the stratum's places belong to sites that were randomized when the list was sealed."""
    return isinstance(design, SitesDesign) and stratum in {key for key, _at in design.where().values()}
