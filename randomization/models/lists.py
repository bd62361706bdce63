"""Sealed lists and their places, from proposal to reveal."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from trial.core.models import Model, Privacy
from trial.protocol.models import ProtocolVersion, Trial


class SealProposal(Model):
    """One statistician asks another one to seal. The latest one of a protocol version counts."""

    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="+")
    imported = models.BinaryField(_("imported list"), null=True)
    """The imported file, sealed; None where the list is made from a seed."""
    at = models.DateTimeField(_("proposed"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("proposed by")
    )

    privacy = Privacy(open=("id", "protocol_version", "imported", "at", "by"))

    class Meta:
        verbose_name = _("proposed list")
        verbose_name_plural = _("proposed lists")

    def __str__(self) -> str:
        return f"{self.protocol_version} {self.at:%Y-%m-%d}"


class SealedList(Model):
    """A trial's list, made and sealed once. Its commitment is public from that moment."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    trial = models.ForeignKey(Trial, on_delete=models.PROTECT, related_name="+")
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="+")
    design = models.JSONField(_("design"))
    seed = models.BinaryField(_("seed"), null=True)
    """None where the list was imported."""
    nonce = models.BinaryField(_("nonce"))
    commitment = models.CharField(_("commitment"), max_length=64)
    sealed_at = models.DateTimeField(_("sealed"))
    sealed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("sealed by")
    )
    proposal = models.OneToOneField(
        SealProposal, on_delete=models.PROTECT, related_name="+", null=True, verbose_name=_("proposal")
    )
    """What somebody else proposed and `sealed_by` approved, where the protocol asks for two persons."""

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
            "proposal",
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
    """One position of a stratum. What it holds is sealed to the list, the stratum and the position."""

    stratum = models.ForeignKey(Stratum, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField(_("position"))
    content = models.BinaryField(_("sealed content"))
    """The arm; in minimization the draw."""
    code = models.CharField(_("randomization number"), max_length=40, blank=True)
    """The number by which an imported list calls the place, for whoever prepares what it stands for."""

    privacy = Privacy(open=("id", "stratum", "position", "content", "code"))

    class Meta:
        verbose_name = _("place")
        verbose_name_plural = _("places")
        constraints = [
            models.UniqueConstraint(fields=["stratum", "position"], name="place_position_unique_in_stratum"),
            models.CheckConstraint(condition=Q(position__gte=1), name="place_position_from_one"),
        ]

    def __str__(self) -> str:
        return str(self.position)


class ListExtension(Model):
    """More places, appended to a sealed list by the same seed or a second import, with a commitment."""

    sealed_list = models.ForeignKey(
        SealedList, on_delete=models.PROTECT, related_name="+", verbose_name=_("randomization list")
    )
    number = models.PositiveSmallIntegerField(_("number"))
    asked = models.PositiveIntegerField(_("places asked for"), null=True)
    """In each stratum; None for a second file. Blocks that are whole make some strata longer."""
    sizes = models.JSONField(_("places of each stratum"))
    """Stratum key to the number of its places from now on."""
    sizes_before = models.JSONField(_("places of each stratum before"))
    """The same until now: a list that was imported tells its first length nowhere else."""
    nonce = models.BinaryField(_("nonce"))
    commitment = models.CharField(_("commitment"), max_length=64)
    """Over the whole list as it is from now on, with a nonce of its own."""
    at = models.DateTimeField(_("extended"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("extended by")
    )
    proposal = models.OneToOneField(
        SealProposal, on_delete=models.PROTECT, related_name="+", null=True, verbose_name=_("proposal")
    )
    """The second file, proposed by somebody else and approved by `by`, where the protocol asks for two."""

    privacy = Privacy(
        open=(
            "id",
            "sealed_list",
            "number",
            "asked",
            "sizes",
            "sizes_before",
            "nonce",
            "commitment",
            "at",
            "by",
            "proposal",
        )
    )

    class Meta:
        verbose_name = _("extension of a list")
        verbose_name_plural = _("extensions of lists")
        constraints = [
            models.UniqueConstraint(fields=["sealed_list", "number"], name="listextension_numbered")
        ]

    def __str__(self) -> str:
        return f"{self.sealed_list} +{self.number}"


class Reveal(Model):
    """The trial is over: anybody may see list and nonces from now on."""

    sealed_list = models.OneToOneField(
        SealedList, on_delete=models.PROTECT, related_name="+", verbose_name=_("randomization list")
    )
    at = models.DateTimeField(_("revealed"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("revealed by")
    )

    privacy = Privacy(open=("id", "sealed_list", "at", "by"))

    class Meta:
        verbose_name = _("revealed list")
        verbose_name_plural = _("revealed lists")

    def __str__(self) -> str:
        return str(self.sealed_list)


class DesignReport(Model):
    """What one or two designs lead to, computed beside the pages before anything is sealed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    trial = models.ForeignKey(Trial, on_delete=models.PROTECT, related_name="+")
    question = models.JSONField(_("designs"))
    """The designs with the number of participants."""
    progress = models.PositiveSmallIntegerField(_("progress"), default=0)
    """Percent."""
    claimed_at = models.DateTimeField(_("begun"), null=True)
    answer = models.JSONField(_("report"), null=True)
    error = models.CharField(_("error"), max_length=400, blank=True)
    asked_at = models.DateTimeField(_("asked for"))
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("asked for by")
    )

    audit_redact = ("question", "answer")
    privacy = Privacy(
        open=(
            "id",
            "trial",
            "question",
            "progress",
            "claimed_at",
            "answer",
            "error",
            "asked_at",
            "asked_by",
        )
    )

    class Meta:
        verbose_name = _("design report")
        verbose_name_plural = _("design reports")
        constraints = [
            models.CheckConstraint(condition=Q(progress__lte=100), name="designreport_progress_in_percent")
        ]

    def __str__(self) -> str:
        return f"{self.trial.slug} {self.asked_at:%Y-%m-%d}"
