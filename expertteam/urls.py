app_name = "expertteam"
urlpatterns = []
