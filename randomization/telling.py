"""Words that tell an arm: asked about before they stand where people read who may know no arm."""

import re
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from randomization.importing.words import plain
from trial.protocol.models import Trial
from trial.protocol.selectors import protocols_so_far


def names_an_arm(text: str, trial: Trial) -> bool:
    """Whether an arm's whole name or key stands in it, in any version and language of the protocol."""
    arms = [arm for protocol in protocols_so_far(trial) for arm in protocol.arms]
    names = {plain(name) for arm in arms for name in (arm.key, *arm.name.root.values())}
    return bool(re.search(rf"(?<!\w)({'|'.join(map(re.escape, names))})(?!\w)", plain(text)))


class UntellingForm(forms.Form):
    """What happened, in words. Where they name an arm, that is asked about once: it may be a plain word."""

    words: ClassVar[str]
    """The field with the words."""
    as_it_is = forms.BooleanField(
        label=_("The text must stand so."), required=False, widget=forms.HiddenInput
    )

    def __init__(self, trial: Trial, data: Any = None) -> None:
        super().__init__(data)
        self._trial = trial
        self.order_fields(["kind", self.words, "as_it_is"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        sure = cleaned.pop("as_it_is")
        if names_an_arm(cleaned.get(self.words, ""), self._trial):
            self.fields["as_it_is"].widget = forms.CheckboxInput()
            if not sure:
                self.add_error(self.words, TELLS)
        return cleaned


TELLS = _(
    "The text names a group. People read it who may not know the group. "
    "Write it without, or tick that it must stand so."
)
