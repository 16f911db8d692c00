import os

import django
from django.conf import settings

settings.configure(
    DEBUG=os.environ.get("SITE_DEBUG") == "1",
    SECRET_KEY="x",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
)
django.setup()

import logging

from django.core.wsgi import get_wsgi_application
from django.http import Http404, HttpResponse
from django.urls import path

from site_shop import reserve


def order(request, n):
    reserve("milk")


def swallowed(request):
    try:
        reserve("milk")
    except Exception:
        logging.getLogger("shop").exception("not so bad")
    return HttpResponse("fine")


def unavailable(request):
    return HttpResponse("closed", status=503)


def missing(request):
    raise Http404("no such order")


urlpatterns = [
    path("orders/<int:n>/", order),
    path("swallowed", swallowed),
    path("unavailable", unavailable),
    path("missing", missing),
    path("fine", lambda request: HttpResponse("fine")),
]
application = get_wsgi_application()
