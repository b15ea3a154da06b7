# SPDX-License-Identifier: Apache-2.0
"""The node's settings, all from the environment; docs/reference/settings.md lists them.

- A secret comes from a variable, from the file that NAME_FILE names, or from the folder of secrets that
  `vigie-node init` fills; never from a default in the code.
- What is unsafe stops the start: see checks.py.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from csp.constants import NONE, SELF

from vigie_node.project.faces import SERVING, Face


def _text(name: str, default: str = "") -> str:
    """Read a setting, or the file that NAME_FILE names."""
    file = os.environ.get(f"{name}_FILE")
    return Path(file).read_text().strip() if file else os.environ.get(name, default)


def _secret(name: str) -> str:
    """Read a secret from the environment or the node's folder of secrets; empty where there is none."""
    file = SECRETS / name.removeprefix("VIGIE_").lower()
    return _text(name) or (file.read_text().strip() if file.is_file() else "")


def _database(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        init = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=134217728; PRAGMA cache_size=-64000;"
        options = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": init}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": unquote(parts.path), "OPTIONS": options}
    extra = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or "") or _secret("VIGIE_DATABASE_PASSWORD"),
        "HOST": parts.hostname or extra.pop("host", ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"options": "-c lock_timeout=10000", **extra},
    }


HOME = Path(_text("VIGIE_HOME", str(Path.home() / ".local/share/vigie-node"))).absolute()
SECRETS = Path(_text("VIGIE_SECRETS", str(HOME / "secrets")))
INDEXES = HOME / "indexes"
UPLOADS = HOME / "uploads"
FACE = Face(_text("VIGIE_FACE", Face.COMMAND))
NODE_NAME = _text("VIGIE_NODE_NAME", "Vigie")
ADDRESSES = {
    face: _text(f"VIGIE_{face.upper()}_ADDRESS", f"127.0.0.1:{serving.port}") for face, serving in SERVING.items()
}
HTTPS = _text("VIGIE_HTTPS", "yes") == "yes"
HOSTS = [one for one in _text("VIGIE_HOSTS", "localhost,127.0.0.1,[::1]").split(",") if one]
STALE_AFTER_SECONDS = 1.0  # a process that has not heard from the change log for so long answers no look-ups
MATCHED_SIGHTING_DAYS = int(_text("VIGIE_MATCHED_SIGHTING_DAYS", "3650"))
PARTNER_WORKERS = int(_text("VIGIE_PARTNER_WORKERS", "2"))
METRICS_TOKEN = _secret("VIGIE_METRICS_TOKEN")

SECRET_KEY = _secret("VIGIE_SECRET_KEY")
FIELD_KEY = _secret("VIGIE_FIELD_KEY")  # encrypts the secrets of second factors
SIGNING_KEY = _secret("VIGIE_SIGNING_KEY")  # signs the heads of the audit
DEBUG = False
ALLOWED_HOSTS = HOSTS
ROOT_URLCONF = SERVING[FACE].urls if FACE in SERVING else "vigie_node.analyst_app.urls"
WSGI_APPLICATION = None
DATABASES = {"default": _database(_text("VIGIE_DATABASE_URL", f"sqlite://{HOME / 'node.sqlite3'}"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ATOMIC_REQUESTS = False
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}}

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "axes",
    "csp",
    "ninja",
    "vigie_node.changes",
    "vigie_node.audit",
    "vigie_node.alarms",
    "vigie_node.accounts",
    "vigie_node.catalogue",
    "vigie_node.matching",
    "vigie_node.sightings",
    "vigie_node.project",
]
MIDDLEWARE = [
    "vigie_node.project.middleware.request_id",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "vigie_node.project.middleware.safe_headers",
    *(
        [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.locale.LocaleMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "allauth.account.middleware.AccountMiddleware",
            "django_htmx.middleware.HtmxMiddleware",
            "vigie_node.analyst_app.middleware.only_with_second_factor",
            "vigie_node.project.middleware.errors_as_pages",
            "axes.middleware.AxesMiddleware",
        ]
        if FACE not in {Face.PUBLIC, Face.PARTNER}
        else ["django.middleware.locale.LocaleMiddleware", "django.middleware.common.CommonMiddleware"]
    ),
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent.parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "vigie_node.analyst_app.shell.context",
            ]
        },
    }
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français"), ("nl", "Nederlands"), ("de", "Deutsch")]
LOCALE_PATHS = [Path(__file__).parent.parent / "locale"]
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SECURE = HTTPS
TIME_ZONE = _text("VIGIE_TIME_ZONE", "UTC")  # of the pages; everything stored is UTC
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [Path(__file__).parent.parent / "static"]
WHITENOISE_USE_FINDERS = True  # the static files travel in the package: nothing is collected
WHITENOISE_AUTOREFRESH = False

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_TRUSTED_ORIGINS = [f"{'https' if HTTPS else 'http'}://{host}" for host in HOSTS if HTTPS]
SECURE_SSL_REDIRECT = False  # a proxy before the node does that; checks.py refuses a public address without HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "no-referrer"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
FILE_UPLOAD_TEMP_DIR = None
FILE_UPLOAD_PERMISSIONS = 0o600

AUTH_USER_MODEL = "accounts.Person"
