"""What the design's keys are called in the protocol, for whoever reads the design."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from randomization.design import SITE
from trial.protocol.reading import Study
from trial.protocol.schema.trial import StratumFactor


class Names:
    """Factors, strata and pairs of one protocol in one language."""

    def __init__(self, study: Study, language: str) -> None:
        self.protocol, self.language = study.protocol, language
        instruments = study.instruments.values()
        items = [*self.protocol.eligibility.items, *(item for one in instruments for item in one.items)]
        self._questions = {item.key: item.label.in_(language) for item in items}
        self._sites = {site.key: site.name for site in self.protocol.sites}

    def factors(self) -> list[tuple[str, list[str]]]:
        """Each factor, by the question that it comes from, with its levels."""
        strata = self.protocol.randomization.strata
        return [(self._factor(factor), list(self._levels(factor).values())) for factor in strata]

    def pairs(self, pairs: Mapping[str, tuple[str, ...]]) -> list[tuple[str, list[str]]]:
        """Each pair's key with its sites."""
        return [(pair, [self._sites.get(site, site) for site in sites]) for pair, sites in pairs.items()]

    def stratum(self, key: str) -> str:
        """The levels of a stratum's key; a level that the protocol does not know keeps its key."""
        levels = {factor.key: self._levels(factor) for factor in self.protocol.randomization.strata}
        parts = [part.split("=", 1) for part in key.split(";") if "=" in part]
        return ", ".join(levels.get(factor, {}).get(level, level) for factor, level in parts) or _(
            "Everybody"
        )

    def _factor(self, factor: StratumFactor) -> str:
        return _("Site") if factor.source == SITE else self._questions.get(factor.source, factor.key)

    def _levels(self, factor: StratumFactor) -> dict[str, str]:
        if factor.source == SITE:
            return self._sites
        return {level.key: level.name.in_(self.language) for level in factor.levels}
