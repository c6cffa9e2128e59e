"""`{{ moment|ago }}`: relative within a day, absolute after; the full time on hover. runs.js keeps it current."""
from __future__ import annotations

from datetime import UTC, datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    if moment is None:
        return "unknown"
    moment = moment.astimezone(UTC)
    return format_html('<span data-at="{}" title="{}">{}</span>', moment.isoformat(), f"{moment:%Y-%m-%d %H:%M:%S} UTC", words(moment, datetime.now(UTC)))


def words(moment: datetime, now: datetime) -> str:
    """`12 s ago`, `3 min ago`, `5 h ago`, `21 Nov`, `21 Nov 2024`."""
    age_s = (now - moment).total_seconds()
    if 0 <= age_s < DAY_S:
        for size_s, unit in ((HOUR_S, "h"), (MINUTE_S, "min")):
            if age_s >= size_s:
                return f"{int(age_s // size_s)} {unit} ago"
        return f"{int(age_s)} s ago"
    return f"{moment.day} {moment:%b}" if moment.year == now.year else f"{moment.day} {moment:%b %Y}"
