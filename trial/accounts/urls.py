"""The pages of logging in: ours, and what of allauth's is shut because it is not wanted here."""

from django.urls import path, re_path

from trial.accounts import views

app_name = "accounts"
urlpatterns = [
    path("rooms/", views.rooms, name="rooms"),
    # An address is changed from the office, or whoever borrows an open screen could take the account along.
    re_path(r"^(?:email|confirm-email)/", views.shut),
]
