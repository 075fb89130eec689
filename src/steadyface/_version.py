"""The version, read by the build and by `steadyface --version`."""

__version__ = "0.1.0"
