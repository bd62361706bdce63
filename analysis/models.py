"""Snapshots of a trial's data, who fetched them, and what the first analysis said of each.

Rows are only added.
"""

from pathlib import Path

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from trial.core.models import Model, Privacy
from trial.protocol.models import ProtocolVersion, Trial


class Snapshot(Model):
    """One zip with everything that researchers may have of a trial at one moment.

    The file lies in `EXPORT_DIR`.
    """

    privacy = Privacy(
        open=(
            "id", "trial", "protocol_version", "made_at", "by", "file_name", "size", "sha256", "row_counts",
            "left_out", "masked", "code_version",
        )
    )  # fmt: skip

    trial = models.ForeignKey(Trial, models.PROTECT, related_name="snapshots", verbose_name=_("trial"))
    protocol_version = models.ForeignKey(
        ProtocolVersion, models.PROTECT, related_name="+", verbose_name=_("protocol version")
    )
    made_at = models.DateTimeField(_("made"))
    by = models.CharField(_("by"), max_length=200)
    """Who, in the words of the audit trail: "user:12", "system:export"."""
    file_name = models.CharField(_("file"), max_length=200, unique=True)
    size = models.PositiveBigIntegerField(_("size"))
    """Bytes of the zip."""
    sha256 = models.CharField("SHA-256", max_length=64)
    """Of the whole zip, so that a changed manifest shows too."""
    row_counts = models.JSONField(_("rows"))
    """Number of rows by file."""
    left_out = models.JSONField(_("left out"), default=dict)
    """Number of participants who are not in the files, by reason."""
    masked = models.BooleanField(_("arms masked"))
    code_version = models.CharField(_("code version"), max_length=100)

    class Meta:
        ordering = ("-made_at", "-id")
        verbose_name = _("snapshot")
        verbose_name_plural = _("snapshots")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(sha256__regex=r"^[0-9a-f]{64}$"), name="snapshot_sha256"
            ),
        )
        indexes = (models.Index(fields=("trial", "made_at"), name="snapshot_by_trial"),)

    def __str__(self) -> str:
        return self.file_name

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return Path(settings.EXPORT_DIR) / self.file_name

    @property
    def participants(self) -> int:
        """How many participants it holds."""
        return int(self.row_counts["participants.csv"])


class Download(Model):
    """Somebody fetched a snapshot."""

    privacy = Privacy(open=("id", "snapshot", "by", "at"))

    snapshot = models.ForeignKey(
        Snapshot, models.PROTECT, related_name="downloads", verbose_name=_("snapshot")
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("at"))

    class Meta:
        ordering = ("-at", "-id")
        verbose_name = _("download")
        verbose_name_plural = _("downloads")

    def __str__(self) -> str:
        return f"{self.snapshot} {self.at:%Y-%m-%d %H:%M}"


class FirstAnalysis(Model):
    """What `statistics.report.analyse` says of a snapshot, kept for the data room; the files can always
    say it again."""

    privacy = Privacy(open=("id", "snapshot", "results"))

    snapshot = models.OneToOneField(
        Snapshot, models.PROTECT, related_name="first_analysis", verbose_name=_("snapshot")
    )
    results = models.JSONField(_("results"))
    """`Report.as_json()`: numbers of groups, never of one person."""

    class Meta:
        verbose_name = _("first analysis")
        verbose_name_plural = _("first analyses")

    def __str__(self) -> str:
        return str(self.snapshot)
