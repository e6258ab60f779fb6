"""The smallest real project: users, sessions, Vola. Its database file and a few limits come from the tests."""

import json
import os

SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["CONTRACT_DATABASE"],
        "OPTIONS": {"timeout": 20},
    }
}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "vola.django",
    "tests.contract.minimal",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "tests.contract.minimal.urls"
ASGI_APPLICATION = "tests.contract.minimal.asgi.application"
VOLA = {
    "ALLOWED_ORIGINS": ["https://app.example.com"],
    "SERVICES": ["tests.contract.minimal.services.Ticker"],
    "HTTP_ROUTES": {"/hot/": "tests.contract.minimal.services.hot_application"},
    **json.loads(os.environ.get("CONTRACT_VOLA", "{}")),
}
