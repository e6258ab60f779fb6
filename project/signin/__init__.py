"""Signing in: Django's users, throttled, on one page for the whole site; in the demo also by one click on a role."""
