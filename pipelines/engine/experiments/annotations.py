"""Tags and notes that people give experiments and commits: Git notes below `refs/notes/dataver`.

The note of a commit is one JSON object, {"note": text, "tags": [...]} (docs/formats/dataver-files.md). What somebody
else wrote there and is no such object is taken for the text of a note.
"""
from __future__ import annotations

import json

from pipelines.engine.experiments.resolve import RefTable
from tracking.engine.errors import DataverError, GitError
from tracking.engine.git import Git
from tracking.engine.hints import Iterable
from tracking.engine.record import record, replace

NOTES_REF = "refs/notes/dataver"
MAX_NOTE = 10_000  # characters
MAX_TAG = 60
_NOBODY = ("-c", "user.name=dataver", "-c", "user.email=dataver@localhost")  # where Git knows no name of the user


class BadAnnotation(DataverError):
    """A tag or note that cannot be kept."""


@record(frozen=True)
class Annotation:
    """tags: sorted, each once."""

    note: str = ""
    tags: tuple[str, ...] = ()


def read_all(git: Git) -> dict[str, Annotation]:
    """Commit -> what was noted about it."""
    if NOTES_REF not in git.refs(NOTES_REF):
        return {}
    found: dict[str, str] = {}
    for line in git.run("ls-tree", "-r", "-z", "--full-tree", NOTES_REF).decode("utf-8", "replace").split("\0"):
        facts, _, path = line.partition("\t")
        if path:
            found[path.replace("/", "")] = facts.split(" ")[2]
    git.objects.read_ahead(found.values())
    return {commit: made for commit, oid in found.items() if (made := _read(git, oid)) != Annotation()}


def read_one(git: Git, commit: str) -> Annotation:
    return read_all(git).get(commit, Annotation())


def _read(git: Git, oid: str) -> Annotation:
    entry = git.objects.ask(oid)
    if entry is None or entry[1] != "blob":
        return Annotation()
    text = entry[2].decode("utf-8", "replace").strip()
    try:
        facts = json.loads(text)
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        return Annotation(text[:MAX_NOTE])
    note, tags = facts.get("note"), facts.get("tags")
    return Annotation(note[:MAX_NOTE] if isinstance(note, str) else "", _sorted(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ())


def _sorted(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(tags)))


def find_commit(git: Git, name: str) -> str:
    """Id of the commit of an experiment, or of what Git calls so. Raises RevisionNotFound, AmbiguousName."""
    table = RefTable(git)
    found = table.experiment(name)
    return found[1] if found is not None else table.resolve(name)


def write_note(git: Git, commit: str, text: str) -> Annotation:
    """An empty text takes the note away. Raises BadAnnotation, GitError."""
    text = text.strip()
    if len(text) > MAX_NOTE:
        raise BadAnnotation(f"the note has {len(text):,} characters, more than {MAX_NOTE:,}")
    return _write(git, commit, replace(read_one(git, commit), note=text))


def change_tags(git: Git, commit: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Annotation:
    """Raises BadAnnotation, GitError."""
    add, gone = list(add), set(remove)
    for tag in add:
        if not tag or len(tag) > MAX_TAG or any(char.isspace() or char in ',"' or not char.isprintable() for char in tag):
            raise BadAnnotation(f"'{tag[:MAX_TAG]}' cannot be a tag: one word without commas and quotes, of at most {MAX_TAG} characters")
    known = read_one(git, commit)
    return _write(git, commit, replace(known, tags=_sorted(tag for tag in (*known.tags, *add) if tag not in gone)))


def _write(git: Git, commit: str, wanted: Annotation) -> Annotation:
    if wanted == Annotation():
        argv, text = ["remove", "--ignore-missing", commit], b""
    else:
        argv, text = ["add", "-f", "-F", "-", commit], (json.dumps({"note": wanted.note, "tags": list(wanted.tags)}, ensure_ascii=False) + "\n").encode("utf-8", "surrogateescape")
    try:
        git.run("notes", f"--ref={NOTES_REF}", *argv, stdin=text, reader=False)
    except GitError as exc:
        if "ident" not in exc.message.lower() and "tell me who you are" not in exc.message.lower():
            raise
        git.run(*_NOBODY, "notes", f"--ref={NOTES_REF}", *argv, stdin=text, reader=False)
    return wanted
