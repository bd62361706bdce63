"""The trail: what changed, what was read, and the chain that seals both. Its rows are only ever added."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from trial.core.models import Model, Privacy


class AuditEvent(Model):
    """One row of one table, inserted, updated or deleted. Written by the triggers of `triggers.sql` alone.

    `old` and `new` hold the whole row of a deletion or insertion and the changed columns of an update; masked
    columns show `[masked]`, sealed bytes their SHA-256, so that erasing an identity erases it here too.
    """

    class Action(models.TextChoices):
        INSERT = "I", _("added")
        UPDATE = "U", _("changed")
        DELETE = "D", _("deleted")

    at = models.DateTimeField(_("when"))
    transaction = models.BigIntegerField(_("transaction"))
    actor = models.TextField(_("who"))
    reason = models.TextField(_("reason"))
    request = models.TextField(_("request"))
    table_name = models.TextField(_("table"))
    row_id = models.TextField(_("row"))
    action = models.CharField(_("what"), max_length=1, choices=Action)
    old = models.JSONField(_("before"), null=True)
    new = models.JSONField(_("after"), null=True)

    privacy = Privacy(
        health=("old", "new"),
        pseudonymous=("actor", "reason", "row_id"),
        open=("id", "at", "transaction", "request", "table_name", "action"),
    )

    class Meta:
        db_table = "audit_event"
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["table_name", "row_id"], name="audit_event_row"),
            BrinIndex(fields=["at"], name="audit_event_at"),
        ]
        constraints = [
            models.CheckConstraint(condition=~models.Q(actor=""), name="audit_event_has_actor"),
            models.CheckConstraint(condition=models.Q(action__in="IUD"), name="audit_event_action_known"),
        ]

    def __str__(self) -> str:
        return f"{self.table_name} {self.row_id}"


class AuditBlock(Model):
    """A link of the chain: the digests of the events up to `up_to` that no earlier block holds.

    `hash` is SHA-256 over `previous_hash` and everything else in the row (see `trial.audit.chain`).
    """

    number = models.BigIntegerField(primary_key=True)
    up_to = models.BigIntegerField()
    event_ids = ArrayField(models.BigIntegerField())
    digests = models.BinaryField()
    previous_hash = models.BinaryField()
    hash = models.BinaryField()
    sealed_at = models.DateTimeField()

    privacy = Privacy(
        open=("number", "up_to", "event_ids", "digests", "previous_hash", "hash", "sealed_at"),
    )

    class Meta:
        db_table = "audit_block"
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["previous_hash"], name="audit_block_chain_never_forks"),
            models.CheckConstraint(condition=models.Q(number__gte=1), name="audit_block_number_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.number}:{bytes(self.hash).hex()}"


class ReadEvent(Model):
    """Somebody looked at something that is not for everybody: an identity, an arm, an export."""

    at = models.DateTimeField(_("when"))
    actor = models.TextField(_("who"))
    what = models.TextField(_("what"))
    study_id = models.TextField(_("study id"), blank=True)
    fields = ArrayField(models.TextField(), verbose_name=_("fields"), default=list)
    reason = models.TextField(_("reason"))
    request = models.TextField(_("request"))

    privacy = Privacy(
        pseudonymous=("actor", "study_id", "reason"),
        open=("id", "at", "what", "fields", "request"),
    )

    class Meta:
        db_table = "audit_read"
        verbose_name = _("reading")
        verbose_name_plural = _("readings")
        ordering = ["-id"]
        indexes = [models.Index(fields=["study_id"], name="audit_read_study_id")]
        constraints = [models.CheckConstraint(condition=~models.Q(actor=""), name="audit_read_has_actor")]

    def __str__(self) -> str:
        return f"{self.what} {self.study_id}"
