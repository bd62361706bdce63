from django.urls import path

from randomization.views import desk, public

app_name = "randomization"
urlpatterns = [
    path("<slug:slug>/", desk.desk, name="desk"),
    path("<slug:slug>/seal/", desk.seal, name="seal"),
    path("<slug:slug>/commitment/", public.commitment, name="commitment"),
]
