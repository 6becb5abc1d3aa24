"""The smallest Django application: what the same server does when it has nothing to do."""

from django.conf import settings
from django.http import HttpResponse
from django.urls import path

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="bench", MIDDLEWARE=[]
    )


def ping(_request):
    return HttpResponse(b"ok", headers={"Content-Length": "2"})


urlpatterns = [path("", ping)]

from django.core.wsgi import get_wsgi_application  # noqa: E402

application = get_wsgi_application()
