"""Template tags of the frame, available in every template: icons, the rail, times and sizes."""
from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django import template
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from launcher import statics
from launcher.engine.choices import load_choices
from launcher.indexing import data_folder
from tracking.pages import Frame, number_text, size_text

register = template.Library()
REASON_LINES = 8

# name of the address and of Frame.active, label, icon, key after `g`
RAIL = (
    ("experiments", "Experiments", "table", "e"),
    ("plots", "Plots", "plots", "p"),
    ("trends", "Trends", "trends", "t"),
    ("pipeline", "Pipeline", "dag", "d"),
    ("queue", "Queue", "queue", "q"),
    ("data", "Data", "data", "a"),
    ("runs", "Runs", "term", "r"),
    ("settings", "Settings", "settings", "s"),
)


@dataclass(frozen=True)
class RailItem:
    name: str
    label: str
    icon: str
    key: str
    href: str
    is_current: bool


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """`{% icon "branch" %}`: a symbol of icons.svg, silent for screen readers; the word stands beside it."""
    return format_html('<svg class="i {}" aria-hidden="true"><use href="{}#i-{}"/></svg>', classes, static("launcher/icons.svg"), name)


@register.simple_tag
def choices(frame: Frame) -> dict[str, Any]:
    """What the reader chose for the repository of the page."""
    return load_choices(data_folder(), frame.repository.key) if frame.repository else {}


@register.simple_tag
def script(name: str) -> SafeString:
    """`{% script "pipelines/plots.js" %}`: a module, and what it imports asked for at the same time."""
    preloads = format_html_join("", '<link rel="modulepreload" href="{}">', ((static(found),) for found in statics.imports_of(name)))
    return format_html('{}<script type="module" src="{}"></script>', preloads, static(name))


@register.simple_tag
def rail_items(frame: Frame) -> list[RailItem]:
    """Pages of the opened repository that this version has. href is empty while no repository is chosen."""
    items = []
    for name, label, symbol, key in RAIL:
        try:
            href = reverse(name, kwargs={"key": frame.repository.key if frame.repository else "none"})
        except NoReverseMatch:
            continue
        query = "?" + urlencode({"branch": frame.branch}) if frame.chose_branch else ""
        items.append(RailItem(name, label, symbol, key, href + query if frame.repository else "", name == frame.active))
    return items


@register.simple_tag
def queue_of(frame: Frame) -> str:
    """Address of the queue of the opened repository; empty without one."""
    try:
        return reverse("queue", kwargs={"key": frame.repository.key}) if frame.repository else ""
    except NoReverseMatch:
        return ""


@register.simple_tag
def home_of(key: str) -> str:
    """Address a repository opens at: its experiments, where this version has that page."""
    try:
        return reverse("experiments", kwargs={"key": key})
    except NoReverseMatch:
        return reverse("home")


register.filter("number", number_text)
register.filter("size", size_text)
register.filter("quoted", shlex.quote)  # a word of a command line


@register.filter
def coded(text: str) -> SafeString:
    """`words` as code."""
    parts = str(text).split("`")
    last = len(parts) - 1  # an odd one is not closed
    return format_html_join("", "{}{}{}", ((mark_safe("<code>"), part, mark_safe("</code>")) if at % 2 and at < last else ("`" if at % 2 else "", part, "") for at, part in enumerate(parts)))


@register.filter
def unfolded(text: str) -> tuple[str, str, int]:
    """What of a reason is shown, what is unfolded, and its lines; as problemCard() of frame.js."""
    lines = str(text).rstrip().split("\n")
    return (str(text), "", 0) if len(lines) <= REASON_LINES else (lines[0], "\n".join(lines[1:]).strip(), len(lines) - 1)


@register.filter
def when(moment: datetime | None) -> SafeString | str:
    """14:21 today and 21 Nov before, in a <time> that frame.js turns into the reader's zone; the full time on hover."""
    if moment is None:
        return ""
    moment = moment.astimezone(UTC)
    today = datetime.now(UTC)
    text = f"{moment:%H:%M}" if moment.date() == today.date() else f"{moment.day} {moment:%b}" if moment.year == today.year else f"{moment.day} {moment:%b %Y}"
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), f"{moment:%Y-%m-%d %H:%M:%S} UTC", text)


@register.filter
def duration(seconds: float | None) -> str:
    """< 0.1 s, 0.4 s, 12 s, 2m 06s, 1h 04m."""
    if seconds is None:
        return ""
    if seconds < 0.05:
        return "< 0.1 s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
