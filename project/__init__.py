"""The composition root: settings, addresses, embedded services, `make up`, the start page and the demo.

It imports the engine and the systems; nothing imports it. See ARCHITECTURE.md.
"""
