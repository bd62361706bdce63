"""What became of an envelope: reserved, printed, opened for whom, or returned."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from randomization.models.lists import Place
from trial.core.models import Model, Privacy
from trial.people.models import Site


class Envelope(Model):
    """A place that was taken out of its list and printed, for a site to open while the system is down."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+", verbose_name=_("site"))
    place = models.OneToOneField(Place, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField(_("number"))
    """Of the site's envelopes; printed on the outside, opened in this order."""
    at = models.DateTimeField(_("reserved"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("reserved by")
    )

    privacy = Privacy(open=("id", "site", "place", "number", "at", "by"))

    class Meta:
        verbose_name = _("envelope")
        verbose_name_plural = _("envelopes")
        constraints = [
            models.UniqueConstraint(fields=["site", "number"], name="envelope_number_unique_at_site"),
            models.CheckConstraint(condition=Q(number__gte=1), name="envelope_number_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.site} {self.number}"


class EnvelopePrint(Model):
    """The envelope's page left the system, once: nobody can print a second copy and read that one."""

    envelope = models.OneToOneField(Envelope, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(_("printed"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("printed by")
    )

    privacy = Privacy(open=("id", "envelope", "at", "by"))

    class Meta:
        verbose_name = _("printed envelope")
        verbose_name_plural = _("printed envelopes")

    def __str__(self) -> str:
        return str(self.envelope)


class EnvelopeUse(Model):
    """When the envelope of an allocation was opened. The allocation says when that was recorded."""

    allocation = models.OneToOneField("randomization.Allocation", on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(_("opened"))

    privacy = Privacy(pseudonymous=("id", "allocation", "opened_at"))

    class Meta:
        verbose_name = _("opened envelope")
        verbose_name_plural = _("opened envelopes")

    def __str__(self) -> str:
        return str(self.allocation)


class EnvelopeReturn(Model):
    """An envelope that will never be used, and why: sent back unopened, destroyed, lost, opened in error."""

    class Kind(models.TextChoices):
        UNOPENED = "unopened", _("Returned or destroyed unopened")
        LOST = "lost", _("Lost")
        OPENED_IN_ERROR = "opened_in_error", _("Opened in error")

    envelope = models.OneToOneField(Envelope, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(_("what happened"), max_length=20, choices=Kind)
    explanation = models.TextField(_("explanation"))
    at = models.DateTimeField(_("recorded"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )

    privacy = Privacy(open=("id", "envelope", "kind", "explanation", "at", "by"))

    class Meta:
        verbose_name = _("returned envelope")
        verbose_name_plural = _("returned envelopes")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["unopened", "lost", "opened_in_error"]),
                name="envelopereturn_kind_is_known",
            )
        ]

    def __str__(self) -> str:
        return str(self.envelope)
