import django
from django.conf import settings

settings.configure(SECRET_KEY="x", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], REST_FRAMEWORK={"UNAUTHENTICATED_USER": None, "DEFAULT_AUTHENTICATION_CLASSES": []})
django.setup()

from django.core.wsgi import get_wsgi_application
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from site_shop import reserve


class Order(APIView):
    def get(self, request, n):
        reserve("milk")
        return Response({})


urlpatterns = [path("orders/<int:n>/", Order.as_view())]
application = get_wsgi_application()
