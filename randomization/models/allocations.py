"""Who was given which place. No other app imports this package; nothing points back.

No column holds an arm that can be read: an allocation names its place, and the place holds its arm sealed.
The triggers of the migrations make places and allocations unchangeable; a list is used in order.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from randomization.models.envelopes import Envelope
from randomization.models.lists import Place
from trial.core.models import Model, Privacy
from trial.people.models import Participant, Site
from trial.protocol.models import ProtocolVersion


class ClusterAllocation(Model):
    """The place that a whole site was given: when the list was sealed, or when it joined later."""

    site = models.OneToOneField(Site, on_delete=models.PROTECT, related_name="+")
    place = models.OneToOneField(Place, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("randomized by"),
    )
    """Who let a late site take its place; None where it was allocated with the sealing."""

    privacy = Privacy(open=("id", "site", "place", "at", "by"))

    class Meta:
        verbose_name = _("allocation of a site")
        verbose_name_plural = _("allocations of sites")

    def __str__(self) -> str:
        return str(self.site)


class Allocation(Model):
    """The participant's randomization: a place of their own, or the place of their site."""

    participant = models.OneToOneField(Participant, on_delete=models.PROTECT, related_name="+")
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    cluster = models.ForeignKey(
        ClusterAllocation,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        verbose_name=_("allocation of a site"),
    )
    """Set where the participant inherits the place of the site."""
    envelope = models.OneToOneField(
        Envelope, on_delete=models.PROTECT, related_name="+", null=True, verbose_name=_("envelope")
    )
    """Set where the system was down and a sealed envelope was opened."""
    decision = models.BinaryField(_("decision"), null=True)
    """Minimization: levels, scores, probabilities, draw and arm, sealed."""
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    privacy = Privacy(
        health=("decision",),
        pseudonymous=("id", "participant", "place", "cluster", "envelope", "protocol_version", "at", "by"),
    )

    class Meta:
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        constraints = [
            models.UniqueConstraint(
                fields=["place"], condition=Q(cluster__isnull=True), name="allocation_place_given_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.participant)
