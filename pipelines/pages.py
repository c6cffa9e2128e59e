"""What pages of the layer above show of this app."""
from __future__ import annotations

from pipelines.paramspage import ParamsPreview, params_views, preview_change

__all__ = ["ParamsPreview", "params_views", "preview_change"]
