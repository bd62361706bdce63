"""E-mails to the staff."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from trial.core.models import Model, Privacy
from trial.people.models import Participant


class Notice(Model):
    """One e-mail to one member of the staff: that somebody was randomized, or unblinded or not.

    Planned in the transaction of what it tells; a sweep sends it. `claimed_at` is set before sending.
    """

    class Kind(models.TextChoices):
        RANDOMIZED = "randomized", _("Somebody was randomized")
        UNBLINDING_ASKED = "unblinding_asked", _("Somebody asks to unblind")
        UNBLINDED = "unblinded", _("Somebody was unblinded")
        UNBLINDING_REFUSED = "unblinding_refused", _("Somebody refused to unblind")

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
                condition=Q(kind__in=["randomized", "unblinding_asked", "unblinded", "unblinding_refused"]),
                name="notice_kind_is_known",
            ),
        ]
        indexes = [models.Index(fields=["planned_at"], condition=Q(sent_at=None), name="notice_to_send")]

    def __str__(self) -> str:
        return f"{self.kind} {self.participant}"
