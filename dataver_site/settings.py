"""Django settings: one user, one machine, an index that may be deleted.

With entry.py, the only place of this package that reads the environment. The database
holds no fact that files do not hold (docs/architecture.md, "What is the truth").
"""
from __future__ import annotations

import os
import sys
from pathlib import Path

from dataver_site import entry

entry.put_apps_first_on_path()
from launcher.engine import dispatch  # noqa: E402  found from here on
from dataver_site.jobqueues import QueuesThatAreUp  # noqa: E402
from launcher.engine.signingkey import signing_key  # noqa: E402
from pipelines.engine.experiments import redisserver  # noqa: E402

INDEX_SCHEMA = 5  # part of the file name: each version opens only the index it can read


def data_folder(environ: dict[str, str], platform: str = sys.platform) -> Path:
    """The user's own folder for dataver: DATAVER_HOME, else where the platform keeps such data."""
    return Path(dispatch.data_folder(environ, platform))


DATA_FOLDER = data_folder(dict(os.environ))


def run_command_line(argv: list[str], cwd: str | None = None) -> int:
    """Run a verb in this process as the console script would; returns its exit code."""
    return entry.run(argv, cwd=cwd, environ=dict(os.environ))


DATAVER_RUN = run_command_line  # how launcher reaches the entry point without importing it

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_FOLDER / f"index-{INDEX_SCHEMA}.sqlite3",
        # WAL with deferred transactions reports "database is locked" at once when two
        # processes write; IMMEDIATE waits for its turn (5 s is far beyond any write of ours)
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 5,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
# Pages of the queue's jobs. Which queues there are is asked of Redis when a page is opened.
RQ_QUEUES: dict[str, dict[str, object]] = QueuesThatAreUp(redisserver.configured(dict(os.environ)) or redisserver.private_address(dispatch.settings_from(dict(os.environ))).url)

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "launcher.apps.LauncherConfig",
    "tracking.apps.TrackingConfig",
    "remotes.apps.RemotesConfig",
    "pipelines.apps.PipelinesConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_rq",
]
MIDDLEWARE = [
    "launcher.gate.HeadersMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "launcher.gate.GateMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "launcher.gate.LocalUserMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "launcher.failures.FailuresMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth", "django.contrib.messages.context_processors.messages"],
            "builtins": ["launcher.templatetags.pages"],
        },
    }
]
ROOT_URLCONF = "dataver_site.urls"
WSGI_APPLICATION = "dataver_site.wsgi.application"

# The session is a signed cookie: the index may be deleted under a running server.
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Strict"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_USE_SESSIONS = True
CSRF_FAILURE_VIEW = "launcher.failures.csrf_failed"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000  # bytes of a form

# Bugs of pages go to the terminal that runs the server; refused requests are no news.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}, "nowhere": {"class": "logging.NullHandler"}},
    "loggers": {
        "dataver": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        "django": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        "django.security": {"handlers": ["nowhere"], "propagate": False},
        "django.request": {"handlers": ["nowhere"], "propagate": False},
    },
}

# A session outlives the server, so that an open page goes on when the server is back on its port.
SECRET_KEY = signing_key(str(DATA_FOLDER))
SESSION_COOKIE_AGE = 7 * 86_400  # seconds
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
DATETIME_FORMAT = "j M Y H:i"  # of the admin, as on the pages
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "launcher.statics.VersionedStorage"},
}
