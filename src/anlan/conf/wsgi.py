"""The WSGI application that the server process loads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "anlan.conf.settings")
_django = get_wsgi_application()

from django.conf import settings  # noqa: E402  the application configures them

from anlan.entrypoints import lifeline, logs  # noqa: E402
from anlan.entrypoints.web.intake import Intake  # noqa: E402
from anlan.entrypoints.web.watching import live  # noqa: E402

if settings.WORKSPACE is not None:
    # The server that loads this file undid what the command before it had set up.
    logs.set_up(settings.WORKSPACE.logs, process="web", level=settings.ANLAN.log_level)
live.end_with_the_process()
if lifeline.PARENT in os.environ:  # else another server than ours loads this file
    lifeline.end_with_parent()
application = Intake(_django, limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
