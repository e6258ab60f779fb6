"""Django's settings: one file for development, demo, tests and production; the environment makes the difference.

Every variable is listed in `project.environment` and in docs/reference/settings.md.
"""

import secrets
from pathlib import Path

import django_stubs_ext
from django.utils.csp import CSP

from project import environment

django_stubs_ext.monkeypatch()  # Django's classes take type arguments at run time too: ModelAdmin[Fleet]

ROOT = Path(__file__).resolve().parent.parent

DEBUG = environment.flag("VOLA_DEBUG")
VOLA_DEMO = environment.flag("VOLA_DEMO")
LOCAL = DEBUG or VOLA_DEMO  # plain HTTP on a loopback address; everything else is taken for production

# An empty key makes Django refuse to sign anything, with a clear word; project.checks says it earlier.
SECRET_KEY = environment.text("VOLA_SECRET_KEY") or (secrets.token_urlsafe(64) if LOCAL else "")
SECRET_KEY_FALLBACKS = environment.words("VOLA_SECRET_KEY_FALLBACKS")

LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS = environment.words("VOLA_ALLOWED_HOSTS") + (LOOPBACK_HOSTS if LOCAL else [])

INSTALLED_APPS = [
    "project.apps.ProjectConfig",
    "project.apps.VolaAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "vola.django",
    "dispatch.fleet",
    "dispatch.ingest",
    "dispatch.history",
    "dispatch.live",
    "dispatch.console",
    "dispatch.feeding",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "project.urls"
ASGI_APPLICATION = "project.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "project" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Data -------------------------------------------------------------------------------------------------------------

DATABASES = {
    "default": environment.database_from_url(
        environment.text("DATABASE_URL"),
        statement_timeout_ms=environment.number("VOLA_DATABASE_STATEMENT_TIMEOUT_MS", low=0, high=3_600_000),
    ),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

VALKEY_URL = environment.text("VALKEY_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": VALKEY_URL,
        "KEY_PREFIX": "vola",
        "OPTIONS": {"serializer": "project.json_cache.JsonCacheSerializer"},
    },
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576  # bytes; no page of ours takes more
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

# --- Who is who -------------------------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = ["project.signin.backends.ThrottledModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "start"
LOGOUT_REDIRECT_URL = "start"

SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
SESSION_COOKIE_AGE = 12 * 3600  # seconds: one shift
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not LOCAL
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# The prefix makes browsers refuse a cookie that another host of the domain tries to plant; it needs HTTPS.
SESSION_COOKIE_NAME = "vola_session" if LOCAL else "__Host-vola_session"
CSRF_COOKIE_NAME = "vola_csrf" if LOCAL else "__Host-vola_csrf"

# --- What browsers may do ---------------------------------------------------------------------------------------------

SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "worker-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:", "blob:"],
    "connect-src": [CSP.SELF],
    "manifest-src": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.SELF],
    "object-src": [CSP.NONE],
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_SSL_REDIRECT = not LOCAL
SECURE_HSTS_SECONDS = 0 if LOCAL else 63_072_000  # two years
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not LOCAL
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if environment.flag("VOLA_TRUSTED_PROXY") else None

# --- Files ------------------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = environment.text("VOLA_STATIC_ROOT") or None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "servestatic.storage.CompressedManifestStaticFilesStorage"
        if STATIC_ROOT
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
SERVESTATIC_USE_FINDERS = STATIC_ROOT is None
SERVESTATIC_AUTOREFRESH = DEBUG
SERVESTATIC_MIMETYPES = {".pmtiles": "application/vnd.pmtiles", ".webmanifest": "application/manifest+json"}

# --- Words and time ---------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

# --- The engine -------------------------------------------------------------------------------------------------------

# A new device secret is shown once as a message: it is kept with the session, not sent around in a cookie.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

VOLA: dict[str, object] = {
    "AUTHENTICATORS": ["dispatch.ingest.auth.DeviceAuthenticator", "vola.django.auth.SessionAuthenticator"],
    "SERVICES": ["dispatch.runtime.DispatchService"],
    "HTTP_ROUTES": {"/ingest/": "dispatch.ingest.http.application"},
    # The snapshot of a tile that holds a fleet of 150,000 is 1.3 MB, and two of them may be on their way.
    "CLIENT_QUEUE_BYTES_MAX": 4_194_304,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
