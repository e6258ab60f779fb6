"""The demo: people of three roles and a Helsinki fleet, loaded by `manage.py load_demo`, again at any time."""
