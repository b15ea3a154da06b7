# SPDX-License-Identifier: Apache-2.0
"""The node's settings, all from the environment; docs/reference/settings.md lists them.

- A secret comes from where environment.py looks for it; never from a default in the code.
- On PostgreSQL a face holds its own login and no other; the owner's is for the operator's command line.
- What is unsafe stops the start: see checks.py.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from csp.constants import NONE, SELF

from vigie_node.project import environment
from vigie_node.project.environment import number as _number
from vigie_node.project.environment import secret as _secret
from vigie_node.project.environment import text as _text
from vigie_node.project.faces import LOGINS, SERVING, Face, login_of, password_setting

# A machine that lost its power closes no connection. Within half a minute the one that is left notices: else the server
# would hold the locks of a node that is gone, and the node wait for a server that is, for as long as two hours.
_PEER_GONE = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
_SERVER_GONE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}


def _login(parts: SplitResult) -> tuple[str, str]:
    """Return the user and password by which this process meets PostgreSQL."""
    if FACE in LOGINS and DATABASE_ROLES:
        return login_of(FACE, database=parts.path.lstrip("/")), _secret(password_setting(FACE))
    return unquote(parts.username or ""), unquote(parts.password or "") or _secret("VIGIE_DATABASE_PASSWORD")


def _database(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        init = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=134217728; PRAGMA cache_size=-64000;"
        init += "PRAGMA secure_delete=ON;"  # what is erased is overwritten (ADR 0088)
        options = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": init}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": unquote(parts.path), "OPTIONS": options}
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.lstrip("/"):
        raise ValueError("VIGIE_DATABASE_URL is sqlite:///path or postgresql://user@host/name")
    extra = {name: values[0] for name, values in parse_qs(parts.query).items()}
    user, password = _login(parts)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": user,
        "PASSWORD": password,
        "HOST": parts.hostname or extra.pop("host", ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"options": f"-c lock_timeout=10000 {_PEER_GONE}", "connect_timeout": 5, **_SERVER_GONE, **extra},
    }


HOME = environment.home()
SECRETS = environment.secrets_folder()
INDEXES = HOME / "indexes"
UPLOADS = HOME / "uploads"
FACE = Face(_text("VIGIE_FACE", Face.COMMAND))
DATABASE_ROLES = _text("VIGIE_DATABASE_ROLES", "yes") == "yes"
NODE_NAME = _text("VIGIE_NODE_NAME", "Vigie")
ADDRESSES = {
    face: _text(f"VIGIE_{face.upper()}_ADDRESS", f"127.0.0.1:{serving.port}") for face, serving in SERVING.items()
}
HTTPS = _text("VIGIE_HTTPS", "yes") == "yes"
HOSTS = [one for one in _text("VIGIE_HOSTS", "localhost,127.0.0.1,[::1]").split(",") if one]
STALE_AFTER_SECONDS = 1.0  # a process that has not heard from the change log for so long answers no look-ups
IMPORT_BYTES = _number("VIGIE_IMPORT_MIB", 4096) << 20  # a file that a page takes in
MATCHED_SIGHTING_DAYS = _number("VIGIE_MATCHED_SIGHTING_DAYS", 3650)
PARTNER_WORKERS = _number("VIGIE_PARTNER_WORKERS", 2)
METRICS_TOKEN = _secret("VIGIE_METRICS_TOKEN")

SECRET_KEY = _secret("VIGIE_SECRET_KEY")
FIELD_KEY = _secret("VIGIE_FIELD_KEY")  # encrypts the secrets of second factors
SIGNING_KEY = _secret("VIGIE_SIGNING_KEY")  # signs the heads of the audit
FORMER_SIGNING_KEYS = _text("VIGIE_FORMER_SIGNING_KEYS").split()  # public keys that signed earlier heads
DEBUG = False
ALLOWED_HOSTS = HOSTS
ROOT_URLCONF = "vigie_node.project.urls"
WSGI_APPLICATION = None
DATABASES = {"default": _database(_text("VIGIE_DATABASE_URL", f"sqlite://{HOME / 'node.sqlite3'}"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ATOMIC_REQUESTS = False
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        # Past it some of what counts attempts is dropped; with Django's 300 a few strangers lift everybody's limits.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

_PUBLIC_APPS = ["django.contrib.staticfiles", "csp", "vigie_node.audit", "vigie_node.project"]
_ALL_APPS = [
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
    "vigie_node.banks",
    "vigie_node.matching",
    "vigie_node.sightings",
    "vigie_node.project",
]
# Nobody signs in on the partners' face: it has no sessions, no cookies, no forms.
_OF_PAGES = ("allauth", "axes", "django_htmx", "django.contrib.sessions", "django.contrib.messages")
# The public face cannot reach the records of the others, not even by mistake: it does not load them.
INSTALLED_APPS = {
    Face.PUBLIC: _PUBLIC_APPS,
    Face.PARTNER: [one for one in _ALL_APPS if not one.startswith(_OF_PAGES)],
}.get(FACE, _ALL_APPS)
MIDDLEWARE = [
    "vigie_node.project.middleware.request_id",
    "vigie_node.project.metrics.count",
    "vigie_node.project.health.answer",
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
            "vigie_node.analyst_app.middleware.session_limits",
            "vigie_node.analyst_app.middleware.OnlyWithSecondFactor",
            "vigie_node.project.middleware.limited_forms",
            "vigie_node.project.middleware.ErrorsAsAnswers",
            "axes.middleware.AxesMiddleware",
        ]
        if FACE not in {Face.PUBLIC, Face.PARTNER}
        else [
            "django.middleware.locale.LocaleMiddleware",
            "django.middleware.common.CommonMiddleware",
            "vigie_node.project.middleware.ErrorsAsAnswers",
        ]
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
            if FACE not in {Face.PUBLIC, Face.PARTNER}
            else ["django.template.context_processors.request"],
            "libraries": {"vigie": "vigie_node.analyst_app.templatetags.vigie"}
            if FACE not in {Face.PUBLIC, Face.PARTNER}
            else {},
            # What every page is made of: a template loads nothing.
            "builtins": ["django.templatetags.i18n", "django.templatetags.static"]
            + (["vigie_node.analyst_app.templatetags.vigie"] if FACE not in {Face.PUBLIC, Face.PARTNER} else []),
        },
    }
]

LOGGING_CONFIG = "vigie_node.project.logs.configure"
LOGGING = {"level": environment.one_of("VIGIE_LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR"))}

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

CSRF_FAILURE_VIEW = "vigie_node.project.errors.csrf_failure"
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
SECURE_REFERRER_POLICY = "same-origin"  # with no-referrer browsers send "Origin: null", and every form is refused
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
FILE_UPLOAD_HANDLERS = ["vigie_node.analyst_app.sent_files.NoFile"]  # a page that takes a file says how

AUTH_USER_MODEL = "accounts.Person"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: who is locked out is not asked for a password
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["email", "display_name"]},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
TRUSTED_PROXIES = _number("VIGIE_TRUSTED_PROXIES", 0)  # how many stand before the node and add X-Forwarded-For
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
ACCOUNT_ADAPTER = "vigie_node.accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]  # nobody signs up: the adapter refuses, and no address leads there
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # whoever invites a person vouches for the address
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
MFA_ADAPTER = "vigie_node.accounts.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = False
MFA_WEBAUTHN_USER_VERIFICATION = "required"  # so that a passkey is two factors
MFA_TOTP_TOLERANCE = 1  # a clock may be half a minute wrong; a code still counts once
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TRUST_ENABLED = False
MFA_FORMS = {
    "activate_totp": "vigie_node.accounts.forms.EnrolCodeForm",
    "authenticate": "vigie_node.accounts.forms.CodeForm",
    "reauthenticate": "vigie_node.accounts.forms.CodeAgainForm",
    "add_webauthn": "vigie_node.accounts.forms.AddPasskeyForm",
    "login_webauthn": "vigie_node.accounts.forms.PasskeyForm",
    "authenticate_webauthn": "vigie_node.accounts.forms.PasskeyAfterPasswordForm",
    "reauthenticate_webauthn": "vigie_node.accounts.forms.PasskeyAgainForm",
}
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # or a stranger could keep a person out for good
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "account/locked.html"
AXES_USERNAME_CALLABLE = "vigie_node.accounts.lockout.name_for_counting"
AXES_CLIENT_IP_CALLABLE = "vigie_node.accounts.lockout.client_address"
AXES_SENSITIVE_PARAMETERS = ["username", "email", "login", "password", "next", "ip_address", "csrfmiddlewaretoken"]
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
OIDC_ISSUER = _text("VIGIE_OIDC_ISSUER")
SOCIALACCOUNT_ADAPTER = "vigie_node.accounts.adapters.SocialAdapter"
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = False
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
if OIDC_ISSUER:
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "sso",
                "name": _text("VIGIE_OIDC_NAME", "single sign-on"),
                "client_id": _text("VIGIE_OIDC_CLIENT_ID"),
                "secret": _secret("VIGIE_OIDC_CLIENT_SECRET"),
                "settings": {"server_url": OIDC_ISSUER, "email_authentication": True},
            }
        ],
    }
    # A form that starts a sign-in is sent on to the provider; its page may stand on another host than the issuer.
    CONTENT_SECURITY_POLICY["DIRECTIVES"]["form-action"] += [
        "{0.scheme}://{0.netloc}".format(urlsplit(address))
        for address in (OIDC_ISSUER, _text("VIGIE_OIDC_AUTHORISATION"))
        if address
    ]
