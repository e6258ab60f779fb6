"""The smallest project that Vola runs in; for running these tests alone:

python -m pytest engine/tests/django --ds=settings --pythonpath engine/tests/django
"""

import tempfile

SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
USE_TZ = True
# A file: connections to a database in memory are never closed, and threads could not share one.
_DIRECTORY = tempfile.TemporaryDirectory(prefix="vola-tests-")
_DATABASE = f"{_DIRECTORY.name}/database.sqlite3"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": _DATABASE, "TEST": {"NAME": _DATABASE}}}
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "vola.django"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ASGI_APPLICATION = "django.core.asgi.get_asgi_application"
