"""HTML reports: one file each, that needs nothing beside it; needs the extra `report`."""

from __future__ import annotations

import base64
from importlib import resources
from typing import Any

import jinja2


def rendered(package: str, template: str, **values: Any) -> str:
    """A packaged template with its values, all of them escaped; one that is missing is an error.

    Args:
        package: that the template lies in.
        template: its file name.
        values: what it names.
    """
    source = (resources.files(package) / template).read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(source).render(**values)


def as_uri(png: bytes) -> str:
    """A picture as the source of an image inside a page."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
