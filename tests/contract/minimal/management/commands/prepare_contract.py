"""Creates the users of the contract tests and prints their session keys as JSON: {"ada": "...", ...}."""

import json
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Ada may do what needs a permission, Bob may not; Eve will be deactivated."""

    def handle(self, **options: Any) -> None:
        """Migrate, create, print."""
        call_command("migrate", verbosity=0)
        keys: dict[str, dict[str, str]] = {}
        for name in ("ada", "bob", "eve"):
            user = get_user_model().objects.create_user(username=name, password="correct horse")
            if name == "ada":
                user.user_permissions.add(Permission.objects.get(codename="view_group"))
            session = SessionStore()
            session[SESSION_KEY] = str(user.pk)
            session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
            session[HASH_SESSION_KEY] = user.get_session_auth_hash()
            session.create()
            keys[name] = {"session": str(session.session_key), "id": str(user.pk)}
        self.stdout.write(json.dumps(keys))
