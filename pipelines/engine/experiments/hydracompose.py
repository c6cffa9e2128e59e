"""Compose params.yaml from a Hydra configuration (`hydra.enabled`), with the optional package hydra-core.

Hydra loads plugins of the project, so it works in a process of its own: what they import or
change stays there.
"""
from __future__ import annotations

import json
import os
import sys

from pipelines.engine.experiments.overrides import InvalidOverride
from tracking.engine.errors import MissingPackage
from tracking.engine.hints import Sequence
from tracking.engine.repo import Repo

_NO_PACKAGE = 3
_REFUSED = 4
_SCRIPT = """
import json, sys
task = json.load(sys.stdin)
try:
    from hydra import compose, initialize_config_dir, initialize_config_module
    from hydra.core.plugins import Plugins
    from omegaconf import OmegaConf
except ImportError as exc:
    sys.stderr.write(str(exc))
    sys.exit(3)
sys.path.append(task["plugins"])
Plugins.instance()
begin, where = (initialize_config_dir, task["dir"]) if task["dir"] else (initialize_config_module, task["module"])
try:
    with begin(where, version_base=None):
        config = compose(config_name=task["name"], overrides=task["overrides"])
    OmegaConf.resolve(config)
    text = json.dumps(OmegaConf.to_object(config)) if task["as_json"] else OmegaConf.to_yaml(config)
except Exception as exc:
    sys.stderr.write(str(exc))
    sys.exit(4)
sys.stdout.buffer.write(text.encode())
"""


def composed(repo: Repo, path: str, overrides: Sequence[str]) -> bytes:
    """The composed configuration as the content of a params file. Raises MissingPackage, InvalidOverride."""
    import subprocess  # slow import

    module = repo.config.get("hydra", "config_module", None)
    folder = None if module else os.path.join(repo.root_dir, str(repo.config.get("hydra", "config_dir", None) or "conf"))
    task = {
        "dir": folder,
        "module": module,
        "name": repo.config.get("hydra", "config_name", None) or "config",
        "plugins": os.path.join(repo.root_dir, str(repo.config.get("hydra", "plugins_path", None) or "")),
        "overrides": list(overrides),
        "as_json": path.lower().endswith(".json"),
    }
    done = subprocess.run([sys.executable, "-c", _SCRIPT], input=json.dumps(task).encode(), capture_output=True, cwd=repo.root_dir, env=dict(repo.settings.environ), check=False)
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode == _NO_PACKAGE:
        raise MissingPackage(
            f"Composing params with Hydra needs the package hydra-core ({said.splitlines()[-1] if said else 'not installed'}).",
            hint="Install it with `pip install hydra-core`, or run with --no-hydra.",
        )
    if done.returncode == _REFUSED:
        raise InvalidOverride(f"Hydra cannot compose '{repo.display(path)}': {said}", hint="The configuration is set by `hydra.config_dir` and `hydra.config_name` of .dvc/config.")
    raise InvalidOverride(f"Hydra cannot compose '{repo.display(path)}': {said.splitlines()[-1] if said else f'exit code {done.returncode}'}")
