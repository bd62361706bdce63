"""Addresses that the SMS provider calls."""

from django.urls import path

from trial.messaging import views

app_name = "messaging"

urlpatterns = [
    path("hooks/twilio/status/<uuid:message_id>/", views.status, name="status"),
    path("hooks/twilio/inbound/", views.inbound, name="inbound"),
]
