"""What is asked about fallback envelopes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from randomization.envelopes import stratum_in_words
from randomization.models import EnvelopeReturn, Stratum
from randomization.services.envelopes import MOST_AT_ONCE
from randomization.telling import UntellingForm
from trial.accounts.forms import ConfirmForm
from trial.accounts.models import User
from trial.core.forms import WHOLE_NUMBER


class ReserveForm(ConfirmForm):
    """How many places of each group the site gets, and the password."""

    after = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(
        self,
        user: User,
        strata: list[Stratum],
        data: Mapping[str, Any] | None = None,
        *,
        after: int,
        language: str,
        now: datetime,
    ) -> None:
        super().__init__(user, data, now=now)
        self._keys = {f"count_{stratum.pk}": stratum.key for stratum in strata}
        for stratum in strata:
            self.fields[f"count_{stratum.pk}"] = forms.IntegerField(
                label=stratum_in_words(stratum, language),
                help_text=_("%(left)s places left") % {"left": stratum.places - stratum.used},
                min_value=0,
                max_value=MOST_AT_ONCE,
                required=False,
                initial=0,
                error_messages=WHOLE_NUMBER,
                widget=forms.NumberInput(attrs={"class": "tb-short"}),
            )
        self.fields["after"].initial = after
        self.order_fields([*self._keys, "password", "after"])

    @property
    def counts(self) -> dict[str, int]:
        """Stratum key to the number of envelopes."""
        return {key: self.cleaned_data.get(name) or 0 for name, key in self._keys.items()}


class ReturnForm(UntellingForm):
    """Why an envelope will never be used."""

    words = "explanation"
    kind = forms.ChoiceField(
        label=gettext_lazy("What happened"),
        choices=EnvelopeReturn.Kind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose what happened.")},
    )
    explanation = forms.CharField(
        label=gettext_lazy("Explanation"),
        help_text=gettext_lazy("What, when and who. No names of participants."),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": gettext_lazy("Write what happened to the envelope.")},
    )
