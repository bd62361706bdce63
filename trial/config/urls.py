"""Which room answers which address."""

from django.contrib import admin
from django.urls import include, path

from trial.config.health import health

urlpatterns = [
    path("health/", health, name="health"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("office/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
]
