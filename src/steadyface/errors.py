"""Every error steadyface raises on purpose: one tree, `SteadyfaceError` at its root.

Each message names the input and says what to do next. Commands turn these into one line on
standard error and an exit status; anything else that escapes is a bug.
"""


class SteadyfaceError(Exception):
    """Root of all errors that steadyface raises on purpose."""


class UsageError(SteadyfaceError):
    """An argument is out of range or arguments contradict each other."""


# --- images ---------------------------------------------------------------------------------


class ImageError(SteadyfaceError):
    """An image could not be used.

    Attributes:
        source: what the image was called by the caller (a path, `<bytes>`, `<array>`, ...).
        reason: what is wrong with it and what to do, without its name.
    """

    def __init__(self, source: str, message: str) -> None:
        # Both go to the base class as they came: an exception is unpickled, as when it comes back
        # from another process, by calling its class with the base's arguments.
        super().__init__(source, message)
        self.source = source
        self.reason = message

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


class ImageNotFoundError(ImageError):
    """No file has this path, or the path is a directory."""


class EmptyImageError(ImageError):
    """The input holds no bytes or no pixels."""


class NotAnImageError(ImageError):
    """The bytes are in no supported image format."""


class TruncatedImageError(ImageError):
    """The file begins as an image and ends before its pixels do, or its pixels are corrupt."""


class UnreadableImageError(ImageError):
    """The operating system refuses to read the file."""


class ImageTooLargeError(ImageError):
    """The image has more pixels than the limit allows."""


class InvalidImageArrayError(ImageError):
    """An array is not H x W x 3 uint8."""


class NoFaceError(ImageError):
    """A face was required and none was found."""


class PoorFaceError(ImageError):
    """The face is of a lower quality than was asked for."""


class LookalikeError(ImageError):
    """The face looks like that of another identity, which was asked to be refused."""


# --- models ---------------------------------------------------------------------------------


class ModelError(SteadyfaceError):
    """A model could not be provided or run."""


class UnknownModelError(ModelError):
    """The catalog has no model of this name."""


class ModelDownloadError(ModelError):
    """No origin delivered the file."""


class ModelHashError(ModelError):
    """A file does not have the SHA-256 that the catalog states."""


class ModelStorageError(ModelError):
    """The cache folder cannot be written (full disk, no permission)."""


# --- matching and galleries -----------------------------------------------------------------


class CalibrationError(SteadyfaceError):
    """A threshold was asked for that the calibration data cannot support."""


class GalleryError(SteadyfaceError):
    """A gallery could not be used."""


class GalleryNotFoundError(GalleryError):
    """No gallery file is at this path."""


class GalleryLockedError(GalleryError):
    """Another process holds the gallery for writing."""


class GalleryCorruptError(GalleryError):
    """The file is not a gallery, or is damaged."""


class GalleryModelError(GalleryError):
    """The gallery's embeddings come from another model than the one in use."""


class GalleryKeyError(GalleryError):
    """The key of an encrypted gallery is missing or wrong, or a plain gallery is given one."""


class UnknownIdentityError(GalleryError):
    """The gallery holds no such identity."""


# --- evaluation -----------------------------------------------------------------------------


class DatasetLayoutError(SteadyfaceError):
    """A folder or file does not have the layout that the command expects."""


class MetricError(SteadyfaceError):
    """A metric's input is malformed (shapes, non-finite values, a missing class)."""


class ResultError(SteadyfaceError):
    """A file of results cannot be read, or does not fit the others."""


class OutputError(SteadyfaceError):
    """A result could not be written."""


class MissingExtraError(SteadyfaceError):
    """An optional dependency is not installed."""
