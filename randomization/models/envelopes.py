"""What became of an envelope: that it was printed, and when it was opened for whom."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from randomization.models.allocations import Allocation, Envelope
from trial.core.models import Model, Privacy


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

    allocation = models.OneToOneField(Allocation, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(_("opened"))

    privacy = Privacy(pseudonymous=("id", "allocation", "opened_at"))

    class Meta:
        verbose_name = _("opened envelope")
        verbose_name_plural = _("opened envelopes")

    def __str__(self) -> str:
        return str(self.allocation)
