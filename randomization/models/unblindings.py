"""Emergency unblindings: asked for and decided."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from trial.core.models import Model, Privacy
from trial.people.models import Participant


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
