"""How a line of the first analysis reads on a page."""

from typing import Any

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from trial.core.numbers import rounded

register = template.Library()

MEASURES = {
    "working": gettext_lazy("Working at the end of follow-up"),
    "working, missing counted as not working": gettext_lazy("Working, if all missing were not"),
    "working, missing counted as working": gettext_lazy("Working, if all missing were"),
    "risk difference": gettext_lazy("Difference of shares"),
    "odds ratio": gettext_lazy("Odds ratio"),
    "risk ratio": gettext_lazy("Ratio of shares"),
    "chi-squared test": gettext_lazy("Chi-squared test"),
    "Fisher's exact test": gettext_lazy("Fisher's exact test"),
    "median day": gettext_lazy("Median day of sustained return"),
    "log-rank test": gettext_lazy("Log-rank test"),
    "hazard ratio of return": gettext_lazy("Hazard ratio of sustained return"),
}


@register.filter
def measure(line: dict[str, Any]) -> str:
    """The measure in the page's language; those without a translation keep the analysis' own words."""
    return str(MEASURES.get(line["measure"], line["measure"]))


@register.filter
def result(line: dict[str, Any]) -> str:
    """Estimate, interval and p-value."""
    shown = [] if line["estimate"] is None else [_written(line["estimate"])]
    if line["low"] is not None or line["high"] is not None:
        low, high = (
            _("not reached") if end is None else _written(end) for end in (line["low"], line["high"])
        )
        shown.append(_("(%(low)s to %(high)s)") % {"low": low, "high": high})
    if line["p"] is not None:
        shown.append(
            f"p < {number_format(0.0001, 4)}" if line["p"] < 0.0001 else f"p = {rounded(line['p'], 4)}"
        )
    return " ".join(shown)


def _written(value: float) -> str:
    """Three decimals below 1, two below 10; else one, unless the number is whole."""
    decimals = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1
    return rounded(value, 0 if value == round(value) else decimals)
