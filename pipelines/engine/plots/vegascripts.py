"""Vega, Vega-Lite and Vega-Embed as one script, from the vl-convert package: nothing is loaded from the network.

Making the script takes seconds, so a copy is kept in the user's data folder; never in the
project, where a file of the repository could take its place.
"""
from __future__ import annotations

import os
from typing import Final

from tracking.engine import atomic
from tracking.engine.errors import DataverError, MissingPackage

VEGA_LITE: Final = "6.4"  # reads specs of version 5, which ours are


def load_bundle(data_dir: str) -> str:
    """JavaScript that defines `vegaEmbed`. data_dir: the user's data folder, "" keeps no copy. Raises MissingPackage."""
    from importlib.metadata import PackageNotFoundError, version  # slow import

    try:
        package = version("vl-convert-python")
    except PackageNotFoundError as exc:
        raise MissingPackage("drawing plots needs the package vl-convert-python", hint="Install it: pip install vl-convert-python") from exc
    path = os.path.join(data_dir, "scripts", f"vega-{VEGA_LITE}-{package}.js") if data_dir else ""
    if path:
        try:
            with open(path, encoding="utf-8") as file:
                return file.read()
        except (OSError, UnicodeDecodeError):
            pass  # made again below
    import vl_convert  # slow import

    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", VEGA_LITE).replace("</script", "<\\/script")
    if path:
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            atomic.write_text(path, script, durable=False)
        except (OSError, DataverError):
            pass  # only slower next time
    return script
