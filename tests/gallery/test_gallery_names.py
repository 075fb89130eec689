from __future__ import annotations

import pytest

from steadyface.errors import UsageError
from steadyface.gallery.names import clean_name, closest_names


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "'' is no name for an identity: it is blank; give it a name"),
        (" \t", "' \\t' is no name for an identity: it is blank; give it a name"),
        ("\u3000", "'\\u3000' is no name for an identity: it is blank; give it a name"),
        (
            "a\nb",
            "'a\\nb' is no name for an identity: it holds the character '\\n'; leave it out",
        ),
        (
            "a\x00",
            "'a\\x00' is no name for an identity: it holds the character '\\x00'; leave it out",
        ),
        (
            "a\u2028b",
            "'a\\u2028b' is no name for an identity: it holds the character '\\u2028'; "
            "leave it out",
        ),
        (
            "caf\udce9",
            "'caf\\udce9' is no name for an identity: it holds the character '\\udce9'; "
            "leave it out",
        ),
        (
            "x" * 256,
            "'xxxxxxxxxxxxxxxxxxxx'... is no name for an identity: it has 256 characters; use 255 "
            "at most",
        ),
    ],
)
def test_refused_names(name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        clean_name(name)
    assert str(caught.value) == message


def test_name_is_composed() -> None:
    assert clean_name("e\u0301") == "\u00e9"
    # 256 code points as given, 255 as stored
    assert len(clean_name("e\u0301" + "x" * 254)) == 255


def test_joiners_are_kept() -> None:
    assert clean_name("\u0645\u06cc\u200c\u062e") == "\u0645\u06cc\u200c\u062e"


def test_closest_ignores_case_and_returns_names_as_stored() -> None:
    names = ["Anna", "ANNE", "Bob", "anna"]
    assert closest_names("anna", names) == ["Anna", "anna", "ANNE"]
    assert closest_names("anna", names, count=1) == ["Anna"]
    assert closest_names("zzz", names) == []
    assert closest_names("anna", []) == []
