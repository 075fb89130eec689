"""HTML reports: one file each, that needs nothing beside it; needs the extra `report`."""

from __future__ import annotations

import base64
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup


def rendered(package: str, template: str, **values: Any) -> str:
    """A packaged template with its values, all of them escaped; one that is missing is an error.

    Beside them it has `style`, see there.

    Args:
        package: that the template lies in.
        template: its file name.
        values: what it names.
    """
    source = (resources.files(package) / template).read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(source).render(style=style(), **values)


def style() -> Markup:
    """What every report looks like, on a screen and on paper: the content of its `<style>`."""
    return Markup((resources.files("steadyface.evaluation") / "page.css").read_text("utf-8"))


def as_uri(png: bytes) -> str:
    """A picture as the source of an image inside a page."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
