from django.urls import path

from randomization import views

app_name = "randomization"
urlpatterns = [
    path("<slug:slug>/", views.desk, name="desk"),
    path("<slug:slug>/seal/", views.seal, name="seal"),
    path("<slug:slug>/commitment/", views.commitment, name="commitment"),
]
