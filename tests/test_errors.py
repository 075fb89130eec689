from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from steadyface import errors
from steadyface.errors import ImageError, SteadyfaceError

ALL = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if kind.__module__ == errors.__name__
]
OF_IMAGES = [kind for kind in ALL if issubclass(kind, ImageError)]


def make(kind: type[SteadyfaceError]) -> SteadyfaceError:
    if issubclass(kind, ImageError):
        return kind("photos/é: 1.jpg", "is damaged; replace it")
    return kind("people.db: is damaged; restore it")


def test_all_that_is_raised_on_purpose_has_one_root() -> None:
    assert len(ALL) > 20
    assert all(issubclass(kind, SteadyfaceError) for kind in ALL)
    assert not issubclass(SteadyfaceError, (OSError, ValueError, RuntimeError))


@pytest.mark.parametrize("kind", ALL)
def test_every_error_says_when_it_comes(kind: type[SteadyfaceError]) -> None:
    assert kind.__doc__ and kind.__doc__.strip()
    assert kind.__name__.endswith("Error")


@pytest.mark.parametrize("kind", OF_IMAGES)
def test_errors_of_images_name_the_image_first(kind: type[ImageError]) -> None:
    error = make(kind)
    assert isinstance(error, ImageError)
    assert str(error) == "photos/é: 1.jpg: is damaged; replace it"
    assert error.source == "photos/é: 1.jpg"


@pytest.mark.parametrize("kind", ALL)
def test_errors_come_back_whole_from_another_process(kind: type[SteadyfaceError]) -> None:
    error = make(kind)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is kind
        assert str(twin) == str(error)
        assert getattr(twin, "source", None) == getattr(error, "source", None)
