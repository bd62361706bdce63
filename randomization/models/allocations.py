"""Who was given which place. No other app imports this package; nothing points back.

No column holds an arm that can be read: an allocation names its place, and the place holds its arm sealed.
The triggers of the migrations make places and allocations unchangeable; a list is used in order.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

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


class Unblinding(Model):
    """Somebody asks to know one participant's arm in an emergency. It is shown once it is released."""

    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(_("reason"))
    at = models.DateTimeField(_("asked"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("asked by")
    )

    privacy = Privacy(health=("reason",), pseudonymous=("id", "participant", "at", "by"))

    class Meta:
        verbose_name = _("unblinding")
        verbose_name_plural = _("unblindings")

    def __str__(self) -> str:
        return str(self.participant)


class UnblindingDecision(Model):
    """Released or refused: by the asker alone, or by a second person where the protocol wants one."""

    unblinding = models.OneToOneField(Unblinding, on_delete=models.PROTECT, related_name="+")
    released = models.BooleanField(_("released"))
    at = models.DateTimeField(_("decided"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("decided by")
    )

    privacy = Privacy(pseudonymous=("id", "unblinding", "released", "at", "by"))

    class Meta:
        verbose_name = _("decision about an unblinding")
        verbose_name_plural = _("decisions about unblindings")

    def __str__(self) -> str:
        return str(self.unblinding)


class Notice(Model):
    """One e-mail to one member of the staff: that somebody was randomized, or unblinded.

    Planned in the transaction of what it tells; a sweep sends it. `claimed_at` is set before sending.
    """

    class Kind(models.TextChoices):
        RANDOMIZED = "randomized", _("Somebody was randomized")
        UNBLINDING_ASKED = "unblinding_asked", _("Somebody asks to unblind")
        UNBLINDED = "unblinded", _("Somebody was unblinded")

    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    about = models.PositiveBigIntegerField(_("number"))
    """Of the allocation or the unblinding that it tells of."""
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("recipient")
    )
    planned_at = models.DateTimeField(_("planned"))
    claimed_at = models.DateTimeField(_("taken for sending"), null=True)
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    sent_at = models.DateTimeField(_("sent"), null=True)

    privacy = Privacy(
        pseudonymous=(
            "id",
            "participant",
            "kind",
            "about",
            "recipient",
            "planned_at",
            "claimed_at",
            "attempts",
            "sent_at",
        )
    )

    class Meta:
        verbose_name = _("e-mail to staff")
        verbose_name_plural = _("e-mails to staff")
        constraints = [
            models.UniqueConstraint(fields=["kind", "about", "recipient"], name="notice_told_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["randomized", "unblinding_asked", "unblinded"]),
                name="notice_kind_is_known",
            ),
        ]
        indexes = [models.Index(fields=["planned_at"], condition=Q(sent_at=None), name="notice_to_send")]

    def __str__(self) -> str:
        return f"{self.kind} {self.participant}"
