"""The short address of questionnaires."""

from django.urls import path

from followup import views

app_name = "followup"

urlpatterns = [
    path("", views.enter, name="enter"),
    path("answer/", views.questionnaire, name="questionnaire"),
    path("done/", views.done, name="done"),
    path("later/", views.later, name="later"),
]
