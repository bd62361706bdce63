"""Which room answers which address."""

from django.contrib import admin
from django.urls import include, path

from trial.config.health import health

urlpatterns = [
    path("", include("screening.urls")),
    path("me/", include("trial.portal.urls")),
    path("q/", include("followup.urls")),
    path("cases/", include("expertteam.urls")),
    path("data/", include("analysis.urls")),
    path("randomization/", include("randomization.urls")),
    path("office/", admin.site.urls),
    path("accounts/", include("trial.accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("trial.messaging.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("health/", health, name="health"),
]
