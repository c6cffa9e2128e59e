#!/usr/bin/env python3
"""Django's entry of a checkout: `python manage.py VERB ...`. Same settings as the console script."""
from __future__ import annotations

import os
import sys

from dataver_site.entry import put_apps_first_on_path


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dataver_site.settings")
    put_apps_first_on_path()
    from launcher.verbs import execute_from_command_line  # needs the path set above

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
