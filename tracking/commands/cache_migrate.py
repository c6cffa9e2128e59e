"""Give objects that DVC 2 stored their place in the present layout of the cache.

They are hashed anew and linked, not copied. With --dvc-files, .dvc files and dvc.lock get the
new hashes, too. Old objects stay until `gc` finds that nothing uses them.
"""
from __future__ import annotations

from tracking.engine.commit import write_stages
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.index import load_index
from tracking.engine.migrate import Converter, legacy_oids, legacy_stages, migrate_objects, migrate_stage, shown_files
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.workspace import Workspace

if TYPE_CHECKING:
    import argparse

HELP = "Move objects of the 2.x layout to the current one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dvc-files", action="store_true", help="also rewrite the hashes in .dvc files and dvc.lock")
    parser.add_argument("--dry", action="store_true", help="print what would be done")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    with repo.lock(io):
        if args.dry:
            io.info(f"{len(legacy_oids(repo.legacy_store))} files will be re-hashed and migrated to the DVC 3.0 cache location.")
        else:
            count = migrate_objects(repo.legacy_store, repo.store, io.progress)
            io.info(f"Migrated {count} files to DVC 3.0 cache location.")
        if args.dvc_files:
            _migrate_files(repo, args.dry, io)
        repo.close()
    return 0


def _migrate_files(repo: Repo, dry: bool, io: Io) -> None:
    stages = legacy_stages(load_index(repo))
    if not stages:
        io.info("No DVC files in the repo to migrate to the 3.0 format.")
        return
    if dry:
        io.info("Entries in following DVC files will be migrated to the 3.0 format:")
        for name in shown_files(stages, io.cwd):
            io.info(f"\t{name}")
        return
    converter = Converter(Workspace(repo, io.progress))
    for stage in stages:
        migrated = migrate_stage(converter, stage, io.warn)
        if migrated != stage:
            if not stage.name:
                io.info(f"Updating DVC file '{stage.file_from(io.cwd)}'")
            write_stages(repo, [migrated], io.info)
    repo.tracker.report(io)
