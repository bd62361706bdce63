"""Mistakes at randomization."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from trial.core.models import Model, Privacy
from trial.people.models import Participant


class Deviation(Model):
    """A mistake at randomization. The participant stays in the allocated arm and is analysed there."""

    class Kind(models.TextChoices):
        WRONG_STRATUM = "wrong_stratum", _("Randomized in the wrong stratum")
        INELIGIBLE = "ineligible", _("Not eligible after all")
        WRONG_PARTICIPANT = "wrong_participant", _("Another participant was meant")
        NOT_AS_ALLOCATED = "not_as_allocated", _("Got something else than what was allocated")
        OTHER = "other", _("Something else")

    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(_("what happened"), max_length=20, choices=Kind)
    description = models.TextField(_("description"))
    at = models.DateTimeField(_("recorded"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )

    audit_redact = ("description",)
    privacy = Privacy(health=("description",), pseudonymous=("id", "participant", "kind", "at", "by"))

    class Meta:
        verbose_name = _("protocol deviation")
        verbose_name_plural = _("protocol deviations")
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    kind__in=["wrong_stratum", "ineligible", "wrong_participant", "not_as_allocated", "other"]
                ),
                name="deviation_kind_is_known",
            )
        ]

    def __str__(self) -> str:
        return f"{self.participant} {self.kind}"
