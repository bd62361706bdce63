"""Whoever logs in acts in their own name from that moment, not from the next request on."""

from django.http import HttpRequest

from trial.accounts.adapter import StaffAdapter
from trial.accounts.models import User
from trial.audit.context import become


class ActingAdapter(StaffAdapter):
    def login(self, request: HttpRequest, user: User) -> None:
        become(f"user:{user.pk}")
        super().login(request, user)
