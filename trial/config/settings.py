"""Django's settings. What differs between servers comes from the environment; docs/operations.md lists it."""

import os
from pathlib import Path

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from trial.config.environment import (
    PRODUCTION,
    address,
    database,
    each,
    is_host,
    is_key,
    port,
    required,
    strong,
    words,
)
from trial.config.version import code_version
from trial.core.kept import kept_secret

BASE_DIR = Path(__file__).resolve().parents[2]
VAR_DIR = Path(os.environ.get("TILBAKE_VAR", BASE_DIR / "var"))
KEYS_DIR = VAR_DIR / "keys"

DEBUG = False
SECRET_KEY = required(
    "SECRET_KEY",
    hint="a random secret of at least 50 characters, for example from `openssl rand -base64 48`",
    fits=strong(50),
    otherwise="" if PRODUCTION else kept_secret(KEYS_DIR / "secret_key"),
)
ALLOWED_HOSTS = words(
    required(
        "ALLOWED_HOSTS",
        hint="the host names of this server, separated by commas",
        fits=each(is_host),
        otherwise="localhost,127.0.0.1,[::1]",
    )
)
PUBLIC_BASE_URL = required(
    "PUBLIC_BASE_URL",
    hint="the address that people open, such as https://trial.example.org",
    fits=address("https"),
    otherwise="http://127.0.0.1:8000",
).rstrip("/")
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL]

INSTALLED_APPS = [
    "trial.rehearsal",  # first: its command `randomization` adds the drill to the app's own
    "trial.office.apps.OfficeAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "trial.config",
    "trial.core",
    "trial.accounts",
    "trial.audit",
    "trial.protocol",
    "trial.people",
    "trial.messaging",
    "trial.questionnaires",
    "screening",
    "randomization",
    "followup",
    "expertteam",
    "analysis",
    "trial.office",
    "trial.portal",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "trial.core.middleware.RefuseNulMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "trial.audit.middleware.ActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "trial.accounts.middleware.RequireMfaMiddleware",
    "trial.core.middleware.SayRefusalMiddleware",
]

ROOT_URLCONF = "trial.config.urls"
WSGI_APPLICATION = "trial.config.wsgi.application"
ASGI_APPLICATION = "trial.config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

FORM_RENDERER = "trial.core.forms.Renderer"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# Two roles from the first day: the application cannot alter the audit trail; only `migrate` uses the owner.
_engine = "trial.audit.postgresql"  # tells PostgreSQL who acts, for the audit trail
_owner = "OWNER_DATABASE_URL" if os.environ.get("OWNER_DATABASE_URL") else "DATABASE_URL"
DATABASES = {
    "default": database("DATABASE_URL", engine=_engine, conn_max_age=300, conn_health_checks=True),
    "owner": database(_owner, engine=_engine),
}
# A statement that comes again is planned once: the sweeps and every page repeat theirs.
DATABASES["default"].setdefault("OPTIONS", {}).update(server_side_binding=True, prepare_threshold=5)
DATABASE_ROUTERS = ["trial.audit.router.OwnerMigrates"]
# Identities: the first key seals, the others only open; the index key never changes. Unset: in var/keys.
_key = "32 random bytes in base64, for example from `openssl rand -base64 32`"
IDENTITY_KEYS = required(
    "IDENTITY_KEYS", hint=f"one or more keys, each of {_key}", fits=each(is_key), otherwise=""
)
IDENTITY_INDEX_KEY = required("IDENTITY_INDEX_KEY", hint=_key, fits=is_key, otherwise="")
# Sealed lists: whoever holds the database alone cannot read the next place.
RANDOMIZATION_KEY = required(
    "RANDOMIZATION_KEY",
    hint="a random secret of at least 43 characters, for example from `openssl rand -base64 32`",
    fits=each(strong(43)),
    otherwise="" if PRODUCTION else kept_secret(KEYS_DIR / "randomization"),
)
ACCEPT_TEST_IDENTITY_NUMBERS = not PRODUCTION  # and the phones that Norway reserves for fiction

REDIS_URL = required(
    "REDIS_URL",
    hint="the Redis server's address, such as redis://redis:6379/0",
    fits=address("redis", "rediss"),
    otherwise="redis://127.0.0.1:6379/0",
)
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "trial.accounts.backends.LogInBackend",
    "trial.people.backends.MembershipBackend",
]
ACCOUNT_ADAPTER = "trial.audit.login.ActingAdapter"
MFA_ADAPTER = "trial.accounts.adapter.SecondStepAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_NOTIFICATIONS = True  # of a new password, a second step added or taken away
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if PRODUCTION else 0  # the reverse proxy; rate limits count by address
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Tilbake"
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SECONDS_TO_ANSWER = 0.5  # where a shorter time would tell that somebody takes part
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/office/"
REQUIRE_MFA = PRODUCTION

LANGUAGE_CODE = "nb"
LANGUAGES = [
    ("nb", _("Norwegian Bokmål")),
    ("nn", _("Norwegian Nynorsk")),
    ("sv", _("Swedish")),
    ("en", _("English")),
]
FORMAT_MODULE_PATH = "trial.core.formats"
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Europe/Oslo"

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
if not PRODUCTION:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise finds files at their source
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not PRODUCTION
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
"""What is uploaded (a randomization list) never touches a disk; more than 2.5 MB is not taken."""
CODE_VERSION = code_version()
EXPORT_DIR = Path(os.environ.get("EXPORT_DIR", VAR_DIR / "exports"))

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = PRODUCTION
LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^health/$"]
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if PRODUCTION
    else "django.core.mail.backends.console.EmailBackend"
)
EMAIL_HOST = required("EMAIL_HOST", hint="the mail server's host name", otherwise="localhost")
EMAIL_PORT = port("EMAIL_PORT", otherwise=587)
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = True
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = required(
    "DEFAULT_FROM_EMAIL", hint="the sender of staff e-mail", otherwise="tilbake@localhost"
)

# Twilio: the demo and the tests point the same client at the simulator by TWILIO_API_BASE_URL.
TWILIO_API_BASE_URL = os.environ.get("TWILIO_API_BASE_URL", "" if PRODUCTION else "http://127.0.0.1:8025")
TWILIO_ACCOUNT_SID = required(
    "TWILIO_ACCOUNT_SID", hint="the account's SID from Twilio's console", otherwise="AC" + "0" * 32
)
TWILIO_AUTH_TOKEN = required(
    "TWILIO_AUTH_TOKEN",
    hint="the account's auth token from Twilio's console, of at least 32 characters",
    fits=strong(32),  # it signs the webhooks, too
    otherwise="simulated-auth-token",
)
TWILIO_FROM = required(
    "TWILIO_FROM", hint="the number or messaging service that SMS come from", otherwise="+4759440000"
)

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_keepalive": True,
    "health_check_interval": 20,
}
CELERY_TIMEZONE = "UTC"
# The plan stands in PostgreSQL; beat only wakes idempotent sweeps,
# so a lost or a doubled wake-up changes nothing.
SWEEPS = {  # task: seconds between two wake-ups
    "trial.audit.tasks.seal": 60,
    "trial.messaging.tasks.dispatch": 10,
    "trial.messaging.tasks.recover": 60,
    "screening.tasks.forget": 3600,
    "randomization.tasks.send_notices": 60,
    "randomization.tasks.make_due_reports": 15,
    "followup.tasks.make_plans": 60,
    "followup.tasks.turn_due_occasions": 60,
    "followup.tasks.turn_reminders": 300,
    "followup.tasks.interpret_inbound": 10,
    "expertteam.tasks.open_cases": 60,
    "analysis.tasks.make_due_snapshots": 300,
}
CELERY_BEAT_SCHEDULE = {
    task: {"task": task, "schedule": seconds, "options": {"expires": seconds}}
    for task, seconds in SWEEPS.items()
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")

DEFAULT_EXCEPTION_REPORTER_FILTER = "trial.core.reports.WithoutValues"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    # The clients of gateways write addresses and bodies at INFO; those are people's phones and answers.
    "loggers": {
        "twilio": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
    },
}
