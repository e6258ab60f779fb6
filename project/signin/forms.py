"""The sign-in form: Django's, with a clear word when somebody has to wait."""

from django import forms
from django.contrib.auth.forms import AuthenticationForm

from project.signin.throttle import WINDOW_S

__all__ = ["SignInForm"]


class SignInForm(AuthenticationForm):
    """Name and password; the same words for a wrong name, a wrong password and a closed account."""

    error_messages = {
        "invalid_login": "The name or the password is not right. Both are case-sensitive.",
        "inactive": "The name or the password is not right. Both are case-sensitive.",
        "throttled": f"Too many attempts. Wait {WINDOW_S // 60} minutes, or ask an administrator for a new password.",
    }

    def get_invalid_login_error(self) -> forms.ValidationError:
        """Tell a throttled person to wait, everybody else that it was wrong."""
        throttled = getattr(self.request, "sign_in_throttled", False)
        code = "throttled" if throttled else "invalid_login"
        return forms.ValidationError(self.error_messages[code], code=code)

    def confirm_login_allowed(self, user: object) -> None:
        """Every user that the backend returns is active."""
