"""`{{ page|as_json:"rows" }}`: a page's dataclass for its script, as its JSON twin has it."""
from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import json_script
from django.utils.safestring import SafeString

from tracking.pages import plain

register = template.Library()


@register.filter
def as_json(value: Any, name: str) -> SafeString:
    """An inert <script type="application/json"> whose id is `name`."""
    return json_script(plain(value), name)
