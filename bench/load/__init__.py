"""The load: devices that report and dispatchers that watch, as clients of the public protocol."""
