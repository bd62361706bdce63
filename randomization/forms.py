"""What the statistician says on the desk's pages."""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from randomization.assessment.scope import MAXIMUM_PARTICIPANTS, refuse_what_cannot_be_assessed
from randomization.designs import (
    BlockDesign,
    ClusterDesign,
    CoinDesign,
    Design,
    MinimizationDesign,
    PairDesign,
    SimpleDesign,
)
from randomization.designs.base import EVERYBODY, StrataDesign
from randomization.designs.coins import FAIR
from randomization.designs.minimization import MEASURES
from randomization.names import BIG_STICK, in_words
from trial.core.errors import refusal
from trial.core.forms import WHOLE_NUMBER


class ReportForm(forms.Form):
    """How many participants, and another design beside the protocol's: its ratio and strata stay the same."""

    participants = forms.IntegerField(
        label=_("Number of participants"),
        min_value=1,
        max_value=MAXIMUM_PARTICIPANTS,
        error_messages=WHOLE_NUMBER,
    )
    method = forms.ChoiceField(label=_("Another design beside it"), required=False)
    block_sizes = forms.CharField(
        label=_("Block sizes"), required=False, help_text=_("For permuted blocks, such as 4, 6.")
    )
    probability = forms.CharField(
        label=_("Probability of the preferred arm"),
        required=False,
        help_text=_("For a biased coin or minimization, as a fraction such as 2/3."),
    )
    maximum_imbalance = forms.IntegerField(
        label=_("Largest imbalance"),
        required=False,
        min_value=1,
        help_text=_("For a big stick or a biased coin."),
        error_messages=WHOLE_NUMBER,
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, design: Design, participants: int) -> None:
        super().__init__(data, initial={"participants": participants})
        self._design = design
        self.fields["participants"].help_text = gettext("At most %(most)s.") % {"most": MAXIMUM_PARTICIPANTS}
        self.fields["method"].choices = [  # type: ignore[attr-defined]
            ("", _("None")),
            *((one, in_words(one)) for one in _methods(design)),
        ]
        if not isinstance(design, StrataDesign):
            for name in ("block_sizes", "probability", "maximum_imbalance"):
                del self.fields[name]

    @property
    def designs(self) -> list[Design]:
        """The protocol's design where it can be assessed, and the one beside it."""
        return self.cleaned_data["designs"]

    def clean_block_sizes(self) -> tuple[int, ...]:
        """Numbers with anything but letters between them."""
        text = str(self.cleaned_data["block_sizes"])
        if text and not re.fullmatch(r"\d{1,3}([\s,;]+\d{1,3})*", text):
            raise forms.ValidationError(gettext("Write numbers with commas between them, such as 4, 6."))
        return tuple(map(int, re.findall(r"\d+", text)))

    def clean_probability(self) -> Fraction | None:
        """A fraction of whole numbers, or nothing."""
        text = "".join(str(self.cleaned_data["probability"]).split())
        if text and not re.fullmatch(r"\d{1,4}/[1-9]\d{0,3}", text):
            raise forms.ValidationError(gettext("Write a fraction of whole numbers, such as 2/3."))
        return Fraction(text) if text else None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        self._demand(cleaned)
        refused = _refusal(self._design, cleaned["participants"])
        cleaned["designs"] = [] if refused else [self._design]
        if not cleaned["method"]:
            if refused:
                self.add_error("method", refused)
        elif not self.errors:
            beside = _beside(self._design, cleaned)
            if refused := _refusal(beside, cleaned["participants"]):
                self.add_error(_TELLS.get(cleaned["method"], "method"), refused)
            cleaned["designs"].append(beside)
        return cleaned

    def _demand(self, cleaned: Mapping[str, Any]) -> None:
        """What the method cannot do without."""
        for method, name in _NEEDS:
            if cleaned["method"] == method and not cleaned[name]:
                self.add_error(name, gettext("The design that you chose needs this."))


_NEEDS = (
    (BlockDesign.method, "block_sizes"),
    (BIG_STICK, "maximum_imbalance"),
    (CoinDesign.method, "probability"),
    (MinimizationDesign.method, "probability"),
)
_TELLS = dict(_NEEDS)


def _refusal(design: Design, participants: int) -> str:
    """Why there can be no report; empty where there can."""
    return refusal(lambda: refuse_what_cannot_be_assessed(design, participants))


def _methods(design: Design) -> list[str]:
    """What may stand beside the design: sites beside sites, participants beside participants."""
    if not isinstance(design, StrataDesign):
        return [ClusterDesign.method]
    methods = [SimpleDesign.method, BlockDesign.method]
    if len(design.ratio) == 2 and set(design.ratio.values()) == {1}:
        methods += [BIG_STICK, CoinDesign.method]
    return [*methods, MinimizationDesign.method] if design.factors else methods


def _beside(design: Design, cleaned: Mapping[str, Any]) -> Design:
    method = cleaned["method"]
    if isinstance(design, PairDesign):
        sites = tuple(site for pair in design.pairs.values() for site in pair)
        return ClusterDesign(dict.fromkeys(design.arms, 1), {EVERYBODY: sites}, design.late_places)
    if isinstance(design, ClusterDesign):
        sites = tuple(site for group in design.groups.values() for site in group)
        return ClusterDesign(design.ratio, {EVERYBODY: sites}, design.late_places)
    assert isinstance(design, StrataDesign)
    same = (design.ratio, design.factors, design.places_per_stratum)
    if method == BlockDesign.method:
        return BlockDesign(*same, cleaned["block_sizes"])
    if method == BIG_STICK:
        return CoinDesign(*same, FAIR, cleaned["maximum_imbalance"])
    if method == CoinDesign.method:
        return CoinDesign(*same, cleaned["probability"], cleaned["maximum_imbalance"])
    if method == MinimizationDesign.method:
        measure = design.imbalance if isinstance(design, MinimizationDesign) else MEASURES[0]
        return MinimizationDesign(*same, cleaned["probability"], measure)
    return SimpleDesign(*same)
