"""The WSGI application, for the server that the launcher starts."""
from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dataver_site.settings")

application = get_wsgi_application()
