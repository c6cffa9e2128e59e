"""Settings of a repository: four files, merged key by key, checked, and edited.

system, global, repo (.dvc/config), local (.dvc/config.local); later ones shadow earlier
ones. This module owns which file is which, how relative paths in them resolve, and safe
writing. Syntax is `configfile`, the list of options is `config_schema`.
"""
from __future__ import annotations

import codecs
import os

from tracking.engine import config_schema, configfile
from tracking.engine.config_schema import Invalid
from tracking.engine.errors import ConfigError, DataverError
from tracking.engine.files import read_file
from tracking.engine.hints import Any, Iterator
from tracking.engine.light import contextmanager, nullcontext
from tracking.engine.protocols import Settings

LEVELS = ("system", "global", "repo", "local")  # in the order they shadow each other
REPO_LEVELS = ("repo", "local")

# Options that hold a path, relative to the folder of the file they stand in.
PATH_OPTIONS: dict[str, frozenset[str]] = {
    "cache": frozenset({"dir"}),
    "remote": frozenset(
        {
            "url",
            "gdrive_user_credentials_file",
            "gdrive_service_account_json_file_path",
            "credentialpath",
            "configpath",
            "keyfile",
            "cert_path",
            "key_path",
        }
    ),
    "machine": frozenset({"startup_script", "setup_script"}),
}


class Config:
    """The merged settings of one repository, or of none (only system and global).

    merged: section -> option -> typed value; remotes under "remote". files: level -> path.
    Built by `Config.load`.
    """

    def __init__(self, dvc_dir: str | None, settings: Settings, validate: bool, repo_data: bytes | None) -> None:
        self.dvc_dir = dvc_dir
        self._home = settings.home
        self._validate = validate
        self._repo_data = repo_data
        self.files: dict[str, str] = {}
        for level, folder in (("system", settings.system_config_dir), ("global", settings.global_config_dir)):
            if folder:
                self.files[level] = os.path.join(folder, "config")
        if dvc_dir is not None:
            self.files["repo"] = os.path.join(dvc_dir, "config")
            self.files["local"] = os.path.join(dvc_dir, "config.local")
        self.merged: dict[str, Any] = {}
        self._raw: dict[str, dict[str, Any]] = {}
        self._reload()

    @classmethod
    def load(
        cls,
        dvc_dir: str | None,
        settings: Settings,
        *,
        validate: bool = True,
        repo_data: bytes | None = None,
    ) -> Config:
        """Read all levels.

        dvc_dir: absolute `.dvc` folder, None outside of a repository. validate=False leaves
        values as text and accepts unknown options, for the commands that repair a config.
        repo_data: content of .dvc/config at another revision, instead of the file.
        Raises ConfigError naming file and line.
        """
        return cls(dvc_dir, settings, validate, repo_data)

    # --- reading

    def get(self, section: str, option: str, default: Any = None) -> Any:
        """Typed value; when unset `default`, and when that is None the schema's own default."""
        body = self.merged.get(section)
        value = body.get(option) if isinstance(body, dict) else None
        if value is not None:
            return value
        if default is not None:
            return default
        return config_schema.DEFAULTS.get(section, {}).get(option)

    def remotes(self) -> dict[str, dict[str, Any]]:
        """Every remote as configured: name -> options, `remote://` urls not resolved."""
        return dict(self.merged.get("remote", {}))

    def default_remote(self) -> str | None:
        """Name in core.remote, lower-case."""
        name = self.get("core", "remote")
        return name.lower() if isinstance(name, str) else None

    def remote(self, name: str) -> dict[str, Any]:
        """Options of one remote: typed, `remote://OTHER/path` followed, defaults of its scheme filled in.

        Raises ConfigError when it, or one it refers to, does not exist.
        """
        options = self._follow(name.lower(), ())
        try:
            typed = config_schema.check_remote(name.lower(), options)
        except Invalid as exc:
            raise self._error(exc) from None
        return {**config_schema.remote_defaults(config_schema.url_scheme(typed["url"])), **typed}

    def _follow(self, name: str, seen: tuple[str, ...]) -> dict[str, Any]:
        known = self.merged.get("remote", {})
        if name not in known:
            raise ConfigError(f"remote '{name}' doesn't exist", hint="`dataver remote list` shows the ones that do.")
        if name in seen:
            raise ConfigError(f"remote '{name}' refers to itself: {' -> '.join((*seen, name))}")
        options = known[name]
        url = options.get("url", "")
        if config_schema.url_scheme(url) != "remote":
            return dict(options)
        base_name, _, path = url.partition("://")[2].partition("/")
        base = self._follow(base_name.lower(), (*seen, name))
        return {**base, **options, "url": join_url(base.get("url", ""), path)}

    def level(self, name: str) -> dict[str, Any]:
        """One level as text, with paths resolved; {} for a file that is not there.

        Named sections are nested under "remote", "machine", "db", which always exist.
        """
        self._require(name)
        return self._resolved(name)

    def typed(self, level: str, cwd: str) -> dict[str, Any]:
        """One level as text, paths as somebody in folder `cwd` would type them: stored again, they are what they were."""
        self._require(level)
        body = _copy(self._raw[level])
        folder = os.path.dirname(self.files[level])

        def near(value: str) -> str:
            if _is_url(value) or os.path.isabs(value) or self._expand(value) != value:
                return value
            return os.path.relpath(os.path.join(folder, value), os.path.realpath(cwd)).replace(os.sep, "/")

        _map_paths(body, near)
        return body

    def display(self, level: str) -> str:
        """The file of a level as messages name it: relative to the root, or absolute."""
        if level in REPO_LEVELS:
            return ".dvc/" + os.path.basename(self.files[level])
        return self.files[level]

    # --- writing

    def spell(self, level: str, section: str, option: str, value: str, cwd: str) -> str:
        """How `value`, typed in folder `cwd`, is stored in the file of `level`.

        Only path options change: relative ones become relative to the file's folder, posix.
        """
        self._require(level)
        if option not in PATH_OPTIONS.get(section, ()):
            return value
        if not value:
            raise ConfigError(f"'{option}' is a path: it cannot be empty.", hint="`--unset` removes a setting.")
        return self._spelled(value, os.path.realpath(cwd), level)

    @contextmanager
    def edit(self, level: str) -> Iterator[dict[str, Any]]:
        """Change one level; see `edit_levels`."""
        with self.edit_levels((level,)) as bodies:
            yield bodies[level]

    @contextmanager
    def edit_levels(self, levels: tuple[str, ...]) -> Iterator[dict[str, dict[str, Any]]]:
        """Yield {level: its sections as text, paths as the file spells them} to change in place.

        On leaving, the merged result is checked and each changed file replaced; nothing is
        written when the check fails (ConfigError) or the body raised.
        """
        for level in levels:
            self._require(level)
        with self._guard(levels):
            self._reload(check=False)
            was_valid = self._is_valid(self._raw)
            edited = {level: _with_sections(_copy(self._raw[level])) for level in levels}
            yield edited
            changed = self._changed(edited)
            if not changed:
                return
            after = {**self._raw, **changed}
            self._check_edit(after, max(changed, key=LEVELS.index), was_valid)
            contents = {level: self._content(level, body) for level, body in changed.items()}
            for level in sorted(contents, key=LEVELS.index, reverse=True):
                self._write(level, contents[level])
            self._reload()

    def _changed(self, edited: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Levels whose content really differs, with their paths in normal form."""
        changed = {}
        for level, body in edited.items():
            if _packed(body) != _packed(self._raw[level]):
                folder = os.path.dirname(self.files[level])
                _map_paths(body, lambda value, level=level, folder=folder: self._spelled(value, folder, level))
                changed[level] = body
        return changed

    def _check_edit(self, raw: dict[str, dict[str, Any]], top: str, was_valid: bool) -> None:
        """Refuse an edit that breaks the config.

        Levels above the edited one only count when they were fine before: a broken
        config.local must not keep anybody from repairing .dvc/config.
        """
        upto = LEVELS[: LEVELS.index(top) + 1]
        before = self._merge(self._raw)
        try:
            _validate_change(before, self._merge({level: raw[level] for level in raw if level in upto}))
            if was_valid:
                _validate_change(before, self._merge(raw))
        except Invalid as exc:
            raise ConfigError(str(exc), exc.hint) from None

    def _is_valid(self, raw: dict[str, dict[str, Any]]) -> bool:
        try:
            config_schema.validate(self._merge(raw))
        except Invalid:
            return False
        return True

    def _content(self, level: str, body: dict[str, Any]) -> bytes:
        """The file's new bytes. Comments stay. Refuses what would not read back as it is, e.g. `%(name)s` (a reference)."""
        present = dict(self._read_files()).get(level, b"")
        if b"#" in present:
            from tracking.engine import configtext

            edited = configtext.changed(present.removeprefix(codecs.BOM_UTF8), self._raw[level], body)
            if edited is not None and _reads_back(edited, body):
                return edited
        data = configfile.dump(body)
        if not _reads_back(data, body):
            lost = next((path for path, part in _single_leaves(body) if not _reads_back(configfile.dump(part), part)), ())
            raise ConfigError(
                f"the value of '{'.'.join(lost)}' cannot be stored in '{self.display(level)}': "
                "such a file cannot hold `%(...)s`, unusual line breaks or quotes in a name."
            )
        return data

    def _write(self, level: str, data: bytes) -> None:
        from tracking.engine import atomic

        path = self.files[level]
        os.makedirs(os.path.dirname(path), exist_ok=True)
        atomic.write_bytes(path, data)

    def _guard(self, levels: tuple[str, ...]) -> Any:
        """Two edits at once must not lose one. Not the repository lock: clients edit while it is held."""
        if self.dvc_dir is None or not any(level in REPO_LEVELS for level in levels):
            return nullcontext()
        from tracking.engine.locks import FileLock

        tmp_dir = os.path.join(self.dvc_dir, "tmp")
        os.makedirs(tmp_dir, exist_ok=True)
        return FileLock(os.path.join(tmp_dir, "config.lock")).held()

    # --- loading

    def _require(self, level: str) -> None:
        if level not in self.files:
            raise ConfigError("Not inside a DVC repo" if level in REPO_LEVELS else f"there is no folder for {level} settings")

    def overlay(self, body: dict[str, Any], folder: str) -> None:
        """Merge settings for this process only, stronger than any file; paths in them start at `folder`."""
        body = _copy(body)
        _map_paths(body, lambda value: self._resolve(value, folder))
        _merge_into(self.merged, body)

    def _reload(self, check: bool | None = None) -> None:
        self._raw = {level: configfile.parse(data, self.display(level)) for level, data in self._read_files()}
        for level in self.files:
            self._raw.setdefault(level, {})
        merged = self._merge(self._raw)
        if self._validate if check is None else check:
            try:
                merged = config_schema.validate(merged)
            except Invalid as exc:
                raise self._error(exc) from None
        self.merged = merged

    def _read_files(self) -> Iterator[tuple[str, bytes]]:
        for level, path in self.files.items():
            if level == "repo" and self._repo_data is not None:
                yield level, self._repo_data
                continue
            try:
                yield level, read_file(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as exc:
                raise ConfigError(f"cannot read '{self.display(level)}': {exc.strerror}") from exc
            except DataverError as exc:
                raise ConfigError(exc.message, exc.hint) from exc

    def _resolved(self, level: str) -> dict[str, Any]:
        body = _copy(self._raw.get(level, {}))
        folder = os.path.dirname(self.files[level])
        _map_paths(body, lambda value: self._resolve(value, folder))
        return _with_sections(body)

    def _merge(self, raw: dict[str, dict[str, Any]]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for level in LEVELS:
            if raw.get(level):
                body = _copy(raw[level])
                folder = os.path.dirname(self.files[level])
                _map_paths(body, lambda value, folder=folder: self._resolve(value, folder))
                _merge_into(merged, body)
        return merged

    def _error(self, exc: Invalid) -> ConfigError:
        """The schema's complaint with the file and line that hold the option."""
        for level in reversed(LEVELS):
            found: Any = self._raw.get(level, {})
            for key in exc.keys:
                found = found.get(key) if isinstance(found, dict) else None
            if found is not None:
                return ConfigError(f"{exc} ({self._place(level, exc.keys)})", exc.hint)
        return ConfigError(str(exc), exc.hint)

    def _place(self, level: str, keys: tuple[str, ...]) -> str:
        data = next((data for name, data in self._read_files() if name == level), b"")
        line = configfile.find_line(data, keys)
        return f"{self.display(level)}, line {line}" if line else self.display(level)

    # --- paths

    def _resolve(self, value: str, folder: str) -> str:
        """Absolute form of a path that stands in a file of `folder`; URLs stay."""
        if _is_url(value) or os.path.isabs(value):
            return value
        expanded = self._expand(value)
        if os.path.isabs(expanded):
            return expanded
        return os.path.normpath(os.path.join(folder, value))

    def _spelled(self, value: str, base: str, level: str) -> str:
        """A path relative to folder `base`, as the file of `level` stores it."""
        if _is_url(value) or os.path.isabs(value):
            return value
        if self._expand(value) != value:
            return value.replace(os.sep, "/")
        absolute = os.path.normpath(os.path.join(base, value))
        return os.path.relpath(absolute, os.path.dirname(self.files[level])).replace(os.sep, "/")

    def _expand(self, value: str) -> str:
        if not value.startswith("~"):
            return value
        if value == "~" or value[1] in "/\\":
            return self._home + value[1:] if self._home else value
        return os.path.expanduser(value)  # ~user: from the user database


def join_url(base: str, path: str) -> str:
    """`path` (posix, may be empty) below a url or local folder."""
    if not path:
        return base
    return f"{base.rstrip('/')}/{path}" if _is_url(base) else os.path.join(base, *path.split("/"))


def _is_url(value: str) -> bool:
    head, mark, _ = value.partition("://")
    return bool(mark) and head.replace("_", "a").isalnum()


def _map_paths(body: dict[str, Any], change: Any) -> None:
    """Apply `change` to every path option of a level, in place."""
    for section, options in PATH_OPTIONS.items():
        content = body.get(section)
        if not isinstance(content, dict):
            continue
        for target in [content] if section == "cache" else content.values():
            if not isinstance(target, dict):
                continue
            for option in options.intersection(target):
                if isinstance(target[option], str) and target[option]:
                    target[option] = change(target[option])


def _merge_into(into: dict[str, Any], update: dict[str, Any]) -> None:
    for key, value in update.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge_into(into[key], value)
        else:
            into[key] = value


def _copy(body: dict[str, Any]) -> dict[str, Any]:
    return {key: _copy(value) if isinstance(value, dict) else value for key, value in body.items()}


def _with_sections(body: dict[str, Any]) -> dict[str, Any]:
    """Every known section present, so that callers may index."""
    for section in config_schema.KNOWN_SECTIONS:
        body.setdefault(section, {})
    return body


def _packed(body: dict[str, Any]) -> dict[str, Any]:
    """Without empty sections: what the file would hold."""
    return {key: value for key, value in body.items() if value not in ({}, None)}


def _validate_change(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Check `after`, but for options nobody knows that stood there before: an edit neither makes nor removes them."""
    after = _copy(after)
    while True:
        try:
            config_schema.validate(after)
        except Invalid as exc:
            holder = _at(after, exc.keys[:-1])
            if exc.text.startswith(config_schema.UNKNOWN) and exc.keys and holder.get(exc.keys[-1]) == _at(before, exc.keys[:-1]).get(exc.keys[-1]):
                del holder[exc.keys[-1]]
                continue
            raise
        return


def _at(body: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    for key in keys:
        inner = body.get(key)
        body = inner if isinstance(inner, dict) else {}
    return body


def _reads_back(data: bytes, body: dict[str, Any]) -> bool:
    try:
        return _packed(configfile.parse(data, "")) == _packed(body)
    except ConfigError:
        return False


def _single_leaves(body: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every option: its path, and a body that holds nothing else."""
    for key, value in body.items():
        if isinstance(value, dict):
            yield from _single_leaves(value, (*path, key))
        else:
            part: Any = value
            for name in reversed((*path, key)):
                part = {name: part}
            yield (*path, key), part
