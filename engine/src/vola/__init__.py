"""Vola: an event-driven real-time engine for Django that speaks the Centrifugo client protocol."""

__all__ = ["__version__"]

__version__ = "0.1.0"
