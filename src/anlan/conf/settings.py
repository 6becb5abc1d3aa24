"""Django settings, derived from :class:`anlan.conf.env.Settings` and the workspace."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from anlan.conf import env
from anlan.infra import workspace as workspaces
from anlan.infra.workspace import Workspace
from anlan.kernel.errors import NotFoundError

ANLAN = env.load()
ANLAN.check()
WORKSPACE: Workspace | None = None
try:
    WORKSPACE = workspaces.load(ANLAN.workspace_path)
    SECRET_KEY = WORKSPACE.secret
except NotFoundError:
    # Commands that make a workspace, or need none, run without one.
    SECRET_KEY = "no-workspace-no-sessions"  # noqa: S105  signs nothing: no workspace, no sessions


def sqlite(path: Path) -> dict[str, object]:
    """Return the settings of one SQLite file: durable, one writer at a time."""
    return {
        "ENGINE": "anlan.infra.sqlite",
        "NAME": str(path),
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # FULL: what is acknowledged survives a power cut, not only a crash (I3).
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                "PRAGMA secure_delete=ON; PRAGMA cache_size=-8000"
            ),
        },
        "TEST": {"NAME": f"{path}.test"},
    }


def postgresql(url: str) -> dict[str, object]:
    """Return the settings of one PostgreSQL database from its address."""
    parts = urlsplit(url)
    query = dict(item.split("=", 1) for item in parts.query.split("&") if "=" in item)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(query.pop("host", "") or parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {key: unquote(value) for key, value in query.items()},
    }


_root = ANLAN.workspace_path
DATABASES = {
    "default": postgresql(ANLAN.database_url)
    if ANLAN.database_url
    else sqlite(_root / "anlan.sqlite3"),
    "contents": postgresql(ANLAN.contents_url)
    if ANLAN.contents_url
    else sqlite(_root / "contents.sqlite3"),
}
DATABASE_ROUTERS = ["anlan.infra.routers.ContentsApart"]

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "anlan.infra",
    "anlan.registry",
    "anlan.notices",
    "anlan.sensing",
    "anlan.warning",
    "anlan.response",
    "anlan.accountability",
    "anlan.learning",
    "anlan.entrypoints.web",
]
AUTH_USER_MODEL = "registry.Account"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "anlan.entrypoints.web.middleware.RequestContext",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
CSRF_COOKIE_NAME = "anlan_form"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "anlan.entrypoints.web.middleware.refused_form"
ROOT_URLCONF = "anlan.conf.urls"
WSGI_APPLICATION = "anlan.conf.wsgi.application"
ALLOWED_HOSTS = [host.strip() for host in ANLAN.hosts.split(",") if host.strip()]
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": []},
    }
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGGING_CONFIG = None  # anlan.entrypoints.logs sets it up, once, per process
