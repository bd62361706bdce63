"""The data room."""

from django.urls import path

from analysis import views

app_name = "analysis"

urlpatterns = [
    path("<slug:slug>/", views.room, name="room"),
    path("<slug:slug>/snapshots/<int:pk>/", views.download, name="download"),
]
