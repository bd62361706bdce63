"""What participants answered. An answer is changed only until its questionnaire is submitted."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from trial.core.models import Model, Privacy
from trial.people.models import Participant
from trial.protocol.models import ProtocolVersion


class ResponseSet(Model):
    """One instrument answered by one participant at one occasion."""

    privacy = Privacy(
        pseudonymous=(
            "id",
            "participant",
            "protocol_version",
            "instrument",
            "occasion",
            "language",
            "started_at",
            "submitted_at",
        )
    )

    participant = models.ForeignKey(
        Participant, models.PROTECT, related_name="response_sets", verbose_name=_("participant")
    )
    protocol_version = models.ForeignKey(
        ProtocolVersion, models.PROTECT, related_name="+", verbose_name=_("protocol version")
    )
    instrument = models.CharField(_("questionnaire"), max_length=60)
    occasion = models.CharField(_("occasion"), max_length=60)
    language = models.CharField(_("language"), max_length=3)
    started_at = models.DateTimeField(_("begun"))
    submitted_at = models.DateTimeField(_("sent in"), null=True)

    class Meta:
        ordering = ("participant", "id")
        verbose_name = _("response")
        verbose_name_plural = _("responses")
        constraints = (
            models.UniqueConstraint(
                fields=("participant", "instrument", "occasion"), name="response_set_once_per_occasion"
            ),
            models.CheckConstraint(
                condition=models.Q(submitted_at__isnull=True)
                | models.Q(submitted_at__gte=models.F("started_at")),
                name="response_set_submitted_after_start",
            ),
        )

    def __str__(self) -> str:
        return f"{self.participant}: {self.instrument}, {self.occasion}"


class Answer(Model):
    """The answer to one item. No row: not answered."""

    privacy = Privacy(health=("value",), pseudonymous=("id", "response_set", "item", "answered_at"))

    response_set = models.ForeignKey(
        ResponseSet, models.CASCADE, related_name="answers", verbose_name=_("response")
    )
    item = models.CharField(_("question"), max_length=60)
    value = models.JSONField(_("answer"))
    """Text for `single`, `text`, `date` and `postal_code`; list for `multiple`; else number, true, false."""
    answered_at = models.DateTimeField(_("answered"))

    class Meta:
        ordering = ("response_set", "id")
        verbose_name = _("answer")
        verbose_name_plural = _("answers")
        constraints = (
            models.UniqueConstraint(fields=("response_set", "item"), name="answer_once_per_item"),
            models.CheckConstraint(
                condition=~models.Q(value=models.Value(None, models.JSONField())), name="answer_not_null"
            ),
        )

    def __str__(self) -> str:
        return self.item
