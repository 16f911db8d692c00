"""A view that reads its request's body, and one that ends the worker where it failed."""

import os

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="x",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=[__name__ + ".give_up"],
)
django.setup()

from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path


def give_up(get_response):
    def middleware(request):
        response = get_response(request)
        if response.status_code == 500 and request.path == "/fail":
            os._exit(3)
        return response

    return middleware


def body(request):
    return HttpResponse(str(len(request.body)))


def fail(request):
    raise ValueError("nothing left to do")


urlpatterns = [path("body", body), path("fail", fail)]
application = get_wsgi_application()
