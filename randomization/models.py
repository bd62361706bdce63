"""Sealed lists, their places and who was given which. No other app imports this module; nothing points back.

No column holds an arm that can be read: an allocation names its place, and the place holds its arm sealed.
The triggers of 0002_only_forward make places and allocations unchangeable; a list is used in order.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from trial.core.models import Model, Privacy
from trial.people.models import Participant, Site
from trial.protocol.models import ProtocolVersion, Trial


class SealedList(Model):
    """A trial's list, made and sealed once. Its commitment is public from that moment."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    trial = models.ForeignKey(Trial, on_delete=models.PROTECT, related_name="+")
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="+")
    design = models.JSONField(_("design"))
    seed = models.BinaryField(_("seed"))
    nonce = models.BinaryField(_("nonce"))
    commitment = models.CharField(_("commitment"), max_length=64)
    sealed_at = models.DateTimeField(_("sealed"))
    sealed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("sealed by")
    )

    privacy = Privacy(
        open=(
            "id",
            "trial",
            "protocol_version",
            "design",
            "seed",
            "nonce",
            "commitment",
            "sealed_at",
            "sealed_by",
        )
    )

    class Meta:
        verbose_name = _("randomization list")
        verbose_name_plural = _("randomization lists")
        constraints = [models.UniqueConstraint(fields=["trial"], name="sealedlist_one_per_trial")]

    def __str__(self) -> str:
        return f"{self.trial.slug} {self.commitment[:8]}"


class Stratum(Model):
    """One column of the list, and the counter that is locked to take its next place."""

    sealed_list = models.ForeignKey(
        SealedList, on_delete=models.PROTECT, related_name="+", verbose_name=_("randomization list")
    )
    key = models.CharField(max_length=400)
    places = models.PositiveIntegerField()
    used = models.PositiveIntegerField(_("places used"), default=0)

    privacy = Privacy(open=("id", "sealed_list", "key", "places", "used"))

    class Meta:
        verbose_name = _("stratum")
        verbose_name_plural = _("strata")
        constraints = [
            models.UniqueConstraint(fields=["sealed_list", "key"], name="stratum_key_unique_in_list"),
            models.CheckConstraint(condition=Q(used__lte=F("places")), name="stratum_never_starts_over"),
        ]

    def __str__(self) -> str:
        return self.key


class Place(Model):
    """One position of a stratum. Its arm is sealed to the list, the stratum and the position."""

    stratum = models.ForeignKey(Stratum, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField(_("position"))
    arm = models.BinaryField(_("arm"))

    privacy = Privacy(open=("id", "stratum", "position", "arm"))

    class Meta:
        verbose_name = _("place")
        verbose_name_plural = _("places")
        constraints = [
            models.UniqueConstraint(fields=["stratum", "position"], name="place_position_unique_in_stratum"),
            models.CheckConstraint(condition=Q(position__gte=1), name="place_position_from_one"),
        ]

    def __str__(self) -> str:
        return str(self.position)


class ClusterAllocation(Model):
    """The place that a whole site was given when the list was sealed."""

    site = models.OneToOneField(Site, on_delete=models.PROTECT, related_name="+")
    place = models.OneToOneField(Place, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    privacy = Privacy(open=("id", "site", "place", "at"))

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
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    privacy = Privacy(pseudonymous=("id", "participant", "place", "cluster", "protocol_version", "at", "by"))

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
