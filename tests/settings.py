"""The product's settings, with files of their own and a password hash that costs nothing."""

import os
from pathlib import Path

os.environ["TILBAKE_VAR"] = str(Path(__file__).resolve().parents[1] / "var" / "test")

from trial.config.settings import *  # noqa: F403

LANGUAGE_CODE = "en"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
SECONDS_TO_ANSWER = 0.0
