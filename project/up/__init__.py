"""`make up` and its family: prepare the environment, run everything on loopback, end it again.

Standard library only: the preparing half runs on the machine's own Python before the virtual environment exists.
Left out: production, which runs the same settings under its own supervisor (docs/howto/deploy.md).
"""
