"""Sites, who works at them, and the participants: known everywhere by a study id, sealed in one table by
name."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from trial.accounts.roles import CHOICES
from trial.core.models import Model, Privacy
from trial.people import study_id


class Site(Model):
    """A place that takes in participants; in a cluster trial the unit that is randomized, one of a pair."""

    trial = models.ForeignKey("protocol.Trial", models.PROTECT, related_name="sites", verbose_name=_("trial"))
    key = models.CharField(_("key"), max_length=60)
    name = models.CharField(_("name"), max_length=200)
    pair = models.CharField(_("pair"), max_length=60, null=True, blank=True)  # noqa: DJ001 - null: not one of a pair
    cluster = models.BooleanField(_("is randomized as a whole"), default=False)
    opened_at = models.DateTimeField(_("opened"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    privacy = Privacy(open=("id", "trial", "key", "name", "pair", "cluster", "opened_at", "closed_at"))

    class Meta:
        ordering = ("trial", "name")
        verbose_name = _("site")
        verbose_name_plural = _("sites")
        constraints = (
            models.UniqueConstraint(fields=("trial", "key"), name="site_key_once_per_trial"),
            models.UniqueConstraint(fields=("id", "trial"), name="site_with_its_trial"),
            models.CheckConstraint(
                condition=Q(closed_at=None) | Q(opened_at__lte=F("closed_at")),
                name="site_opens_before_it_closes",
            ),
            models.CheckConstraint(
                condition=Q(pair=None) | Q(cluster=True), name="site_pairs_are_of_clusters"
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        """Whether it takes in participants now."""
        return self.opened_at is not None and self.closed_at is None


class Membership(Model):
    """One role of one user: at one site, in a whole trial (no site) or in the whole installation (no
    trial)."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships", verbose_name=_("user")
    )
    trial = models.ForeignKey(
        "protocol.Trial",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="memberships",
        verbose_name=_("trial"),
    )
    site = models.ForeignKey(
        Site, models.PROTECT, null=True, blank=True, related_name="memberships", verbose_name=_("site")
    )
    role = models.CharField(_("role"), max_length=40, choices=CHOICES)
    granted_at = models.DateTimeField(_("granted"))
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("granted by")
    )
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    privacy = Privacy(open=("id", "user", "trial", "site", "role", "granted_at", "granted_by", "ended_at"))

    class Meta:
        ordering = ("-granted_at", "-id")
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = (
            models.UniqueConstraint(
                fields=("user", "trial", "site", "role"),
                condition=Q(ended_at=None),
                nulls_distinct=False,
                name="membership_held_once",
            ),
            models.CheckConstraint(
                condition=Q(site=None) | Q(trial__isnull=False), name="membership_at_a_site_is_in_a_trial"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("granted_at")),
                name="membership_ends_after_it_starts",
            ),
        )

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"


class Participant(Model):
    """A person in a trial, by study id only."""

    trial = models.ForeignKey(
        "protocol.Trial", models.PROTECT, related_name="participants", verbose_name=_("trial")
    )
    site = models.ForeignKey(Site, models.PROTECT, related_name="participants", verbose_name=_("site"))
    study_id = models.CharField(_("study id"), max_length=7, unique=True)
    language = models.CharField(_("language"), max_length=3)
    protocol_version = models.ForeignKey(
        "protocol.ProtocolVersion", models.PROTECT, related_name="+", verbose_name=_("protocol version")
    )
    registered_at = models.DateTimeField(_("registered"))

    privacy = Privacy(
        pseudonymous=("id", "study_id", "registered_at"),
        open=("trial", "site", "language", "protocol_version"),
    )

    class Meta:
        ordering = ("-registered_at", "-id")
        verbose_name = _("participant")
        verbose_name_plural = _("participants")
        constraints = (
            models.CheckConstraint(
                condition=Q(study_id__regex=study_id.PATTERN), name="participant_study_id_is_readable"
            ),
        )
        indexes = (models.Index(fields=("trial", "registered_at"), name="participant_by_trial"),)

    def __str__(self) -> str:
        return self.study_id


class Status(models.TextChoices):
    """What can happen to a participant; which of these hold now is `selectors.facts`."""

    REGISTERED = "registered", _("Registered")
    BASELINE_COMPLETED = "baseline_completed", _("Baseline completed")
    VERIFIED = "verified", _("Verified as eligible")
    NOT_ELIGIBLE = "not_eligible", _("Not eligible")
    PAUSED = "paused", _("Paused")
    RESUMED = "resumed", _("Resumed after pause")
    STOPPED_CONTACT = "stopped_contact", _("Stopped messages")
    RESUMED_CONTACT = "resumed_contact", _("Started messages again")
    WITHDRAWN_INTERVENTION = "withdrawn_intervention", _("Withdrew from the intervention")
    WITHDRAWN_CONTACT = "withdrawn_contact", _("Withdrew from contact")
    WITHDRAWN_DATA = "withdrawn_data", _("Withdrew the data")
    DIED = "died", _("Died")
    COMPLETED = "completed", _("Completed the follow-up")


HAPPENS_ONCE = (
    Status.REGISTERED,
    Status.BASELINE_COMPLETED,
    Status.WITHDRAWN_INTERVENTION,
    Status.WITHDRAWN_CONTACT,
    Status.WITHDRAWN_DATA,
    Status.DIED,
    Status.COMPLETED,
)


class ParticipantStatus(Model):
    """One thing that happened to a participant. Rows are added, never changed."""

    participant = models.ForeignKey(
        Participant, models.PROTECT, related_name="statuses", verbose_name=_("participant")
    )
    name = models.CharField(_("status"), max_length=30, choices=Status)
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )
    """Nobody where the participant did it, or the system on a reply."""
    reason = models.TextField(_("reason"), blank=True)
    until = models.DateTimeField(_("until"), null=True)

    privacy = Privacy(
        health=("reason",), pseudonymous=("id", "participant", "name", "at", "until"), open=("by",)
    )

    class Meta:
        ordering = ("at", "id")
        verbose_name = _("status")
        verbose_name_plural = _("statuses")
        constraints = (
            models.UniqueConstraint(
                fields=("participant", "name"), condition=Q(name__in=HAPPENS_ONCE), name="status_happens_once"
            ),
            models.CheckConstraint(condition=Q(name__in=Status.values), name="status_is_known"),
            models.CheckConstraint(
                condition=Q(until=None) | Q(name=Status.PAUSED, until__gt=F("at")),
                name="status_until_ends_a_pause",
            ),
        )
        indexes = (models.Index(fields=("participant", "at"), name="status_by_participant"),)

    def __str__(self) -> str:
        return self.get_name_display()


class IdentityRecord(Model):
    """Who a participant is. The only table that knows; each column sealed by itself."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    participant = models.OneToOneField(Participant, models.PROTECT, related_name="identity")
    name = models.BinaryField(null=True)
    phone = models.BinaryField(_("phone"), null=True)
    email = models.BinaryField(_("e-mail"), null=True)
    postal_code = models.BinaryField(_("postal code"), null=True)
    identity_number = models.BinaryField(_("identity number"), null=True)
    phone_index = models.BinaryField(_("fingerprint of the phone"), null=True)
    person_index = models.BinaryField(_("fingerprint of the person"))
    """Tells the same person apart within a trial: over the trial and the identity number, or where the
    protocol collects none, over the trial, the phone and the name. Kept when the rest is erased, so that
    the same person is not randomized twice."""
    erased_at = models.DateTimeField(_("erased"), null=True)

    sealed: ClassVar[tuple[str, ...]] = ("name", "phone", "email", "postal_code", "identity_number")
    audit_redact = (*sealed, "phone_index", "person_index")
    """The trail cannot be edited, so what may have to be erased never enters it."""
    privacy = Privacy(
        identity=(*sealed, "phone_index", "person_index"),
        pseudonymous=("id", "participant", "erased_at"),
    )

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        constraints = (
            models.UniqueConstraint(fields=("person_index",), name="identity_person_once_per_trial"),
            models.CheckConstraint(
                condition=Q(
                    erased_at=None, name__isnull=False, phone__isnull=False, phone_index__isnull=False
                )
                | Q(
                    erased_at__isnull=False,
                    name=None,
                    phone=None,
                    email=None,
                    postal_code=None,
                    identity_number=None,
                    phone_index=None,
                ),
                name="identity_whole_or_erased",
            ),
        )
        indexes = (models.Index(fields=("phone_index",), name="identity_by_phone"),)

    def __str__(self) -> str:
        return str(self.pk)


class Purpose(models.TextChoices):
    """What a code opens; a code for one purpose opens nothing else."""

    OWN_PAGE = "own_page", _("Own page")
    NEW_PHONE = "new_phone", _("Confirm a new phone number")
    QUESTIONNAIRE = "questionnaire", _("Questionnaire")


class AccessCode(Model):
    """A code sent by SMS. Only its keyed hash is kept."""

    participant = models.ForeignKey(Participant, models.PROTECT, related_name="+")
    purpose = models.CharField(_("purpose"), max_length=20, choices=Purpose)
    code_hash = models.BinaryField(_("fingerprint of the code"), unique=True)
    issued_at = models.DateTimeField(_("issued"))
    expires_at = models.DateTimeField(_("valid until"))
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(_("used"), null=True)

    audit_redact = ("code_hash",)
    privacy = Privacy(
        pseudonymous=(
            "id",
            "participant",
            "purpose",
            "code_hash",
            "issued_at",
            "expires_at",
            "tries",
            "used_at",
        )
    )

    class Meta:
        verbose_name = _("access code")
        verbose_name_plural = _("access codes")
        constraints = (
            models.CheckConstraint(condition=Q(purpose__in=Purpose.values), name="code_purpose_is_known"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("issued_at")), name="code_expires_after_issue"
            ),
        )
        indexes = (models.Index(fields=("participant", "purpose", "issued_at"), name="code_by_participant"),)

    def __str__(self) -> str:
        return f"{self.purpose} {self.pk}"
