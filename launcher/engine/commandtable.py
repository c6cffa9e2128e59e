"""The only list of verbs: name -> (module, one line of help).

Names with a space are members of a group. The console script, `manage.py` and the
generated docs all read this table.
"""
from __future__ import annotations

# name: (module, summary, hidden)
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("tracking.commands.init", "Start tracking data in this folder"),
    "add": ("tracking.commands.add", "Put files or folders under version control"),
    "remove": ("tracking.commands.remove", "Stop tracking data, or delete a stage"),
    "move": ("tracking.commands.move", "Rename tracked data"),
    "commit": ("pipelines.commands.commit", "Record the present state of outs and stages"),
    "checkout": ("tracking.commands.checkout", "Bring data in line with the .dvc and dvc.lock files"),
    "status": ("pipelines.commands.status", "Show what changed in data and pipelines"),
    "data status": ("tracking.commands.data_status", "Show changes of tracked data against Git and the cache"),
    "diff": ("tracking.commands.diff", "Compare tracked data between revisions"),
    "list": ("tracking.commands.list", "List what a project contains, tracked data included"),
    "du": ("tracking.commands.du", "Show how much space tracked data takes"),
    "unprotect": ("tracking.commands.unprotect", "Make linked files safe to edit"),
    "gc": ("remotes.commands.gc", "Delete cached data that nothing uses"),
    "check-ignore": ("tracking.commands.check_ignore", "Tell which paths .dvcignore excludes, and why"),
    "config": ("tracking.commands.config", "Read or change settings"),
    "root": ("tracking.commands.root", "Print the way to the project's root"),
    "version": ("tracking.commands.version", "Describe this installation and project"),
    "cache dir": ("tracking.commands.cache_dir", "Print or set the cache folder"),
    "cache migrate": ("tracking.commands.cache_migrate", "Move objects of the 2.x layout to the current one"),
    "destroy": ("tracking.commands.destroy", "Remove every trace of dataver from the project, keeping data"),
    "completion": ("launcher.commands.completion", "Print a shell completion script"),
    "freeze": ("pipelines.commands.freeze", "Keep a stage from being reproduced"),
    "unfreeze": ("pipelines.commands.unfreeze", "Let a frozen stage be reproduced again"),
    "remote add": ("remotes.commands.remote_add", "Name a storage location"),
    "remote check": ("remotes.commands.remote_check", "Look whether a remote holds all data, whole"),
    "remote default": ("remotes.commands.remote_default", "Print or choose the default remote"),
    "remote du": ("remotes.commands.remote_du", "Show how much a remote holds"),
    "remote link": ("remotes.commands.remote_link", "Print links to data in a remote"),
    "remote list": ("remotes.commands.remote_list", "List remotes"),
    "remote modify": ("remotes.commands.remote_modify", "Change an option of a remote"),
    "remote remove": ("remotes.commands.remote_remove", "Forget a remote"),
    "remote rename": ("remotes.commands.remote_rename", "Rename a remote"),
    "remote test": ("remotes.commands.remote_test", "Try whether a remote works"),
    "push": ("remotes.commands.push", "Send cached data to a remote"),
    "pull": ("remotes.commands.pull", "Fetch data from a remote and check it out"),
    "fetch": ("remotes.commands.fetch", "Bring data from a remote into the cache"),
    "get": ("remotes.commands.get", "Download from another repository"),
    "get-url": ("remotes.commands.get_url", "Download what is at a URL"),
    "list-url": ("remotes.commands.list_url", "List what a URL contains"),
    "import-url": ("remotes.commands.import_url", "Track what is at a URL"),
    "import": ("remotes.commands.import_", "Track data of another repository"),
    "import-db": ("remotes.commands.import_db", "Track the rows of a database query"),
    "update": ("remotes.commands.update", "Bring imports up to date with their sources"),
    "bundle create": ("remotes.commands.bundle_create", "Pack commits and their data into one file"),
    "bundle list": ("remotes.commands.bundle_list", "Show what is inside a bundle"),
    "bundle unpack": ("remotes.commands.bundle_unpack", "Unpack a bundle into a new folder or a project"),
    "artifacts get": ("remotes.commands.artifacts_get", "Download a model or other artifact of another repository"),
    "stage add": ("pipelines.commands.stage_add", "Write a stage into dvc.yaml"),
    "stage list": ("pipelines.commands.stage_list", "List stages"),
    "repro": ("pipelines.commands.repro", "Run the stages whose inputs changed"),
    "runs": ("pipelines.commands.runs", "List runs of the pipelines"),
    "runs show": ("pipelines.commands.runs_show", "Show one run: stages, reasons, environment, logs"),
    "why": ("pipelines.commands.why", "Say why a stage would run"),
    "dag": ("pipelines.commands.dag", "Draw the pipeline"),
    "queue start": ("pipelines.commands.queue_start", "Run queued experiments in the background"),
    "queue stop": ("pipelines.commands.queue_stop", "Let the workers of the queue end"),
    "queue status": ("pipelines.commands.queue_status", "Show what is queued, running, done and failed"),
    "queue watch": ("pipelines.commands.queue_watch", "Follow the queue in the terminal"),
    "queue logs": ("pipelines.commands.queue_logs", "Print what a queued experiment wrote"),
    "queue kill": ("pipelines.commands.queue_kill", "End running experiments"),
    "queue move": ("pipelines.commands.queue_move", "Change the order of what waits in the queue"),
    "queue remove": ("pipelines.commands.queue_remove", "Take experiments out of the queue's list"),
    "queue retry": ("pipelines.commands.queue_retry", "Queue failed experiments again"),
    "queue adopt": ("pipelines.commands.queue_adopt", "Take over what dvc queued"),
    "worker": ("pipelines.commands.worker", "Run queued experiments in this terminal"),
    "metrics show": ("pipelines.commands.metrics_show", "Print metrics"),
    "metrics diff": ("pipelines.commands.metrics_diff", "Compare metrics between revisions"),
    "params diff": ("pipelines.commands.params_diff", "Compare params between revisions"),
    "params set": ("pipelines.commands.params_set", "Change values in params files"),
    "plots show": ("pipelines.commands.plots_show", "Draw plots"),
    "plots diff": ("pipelines.commands.plots_diff", "Draw plots of several revisions in one picture"),
    "plots modify": ("pipelines.commands.plots_modify", "Change how a plot of a stage is displayed"),
    "plots templates": ("pipelines.commands.plots_templates", "List plot templates, or print one"),
    "exp run": ("pipelines.commands.exp_run", "Run the pipeline as an experiment"),
    "exp save": ("pipelines.commands.exp_save", "Save the workspace as an experiment"),
    "exp show": ("pipelines.commands.exp_show", "Show experiments with their metrics and params"),
    "exp list": ("pipelines.commands.exp_list", "List experiments"),
    "exp diff": ("pipelines.commands.exp_diff", "Compare metrics and params of experiments"),
    "exp apply": ("pipelines.commands.exp_apply", "Bring an experiment into the workspace"),
    "exp branch": ("pipelines.commands.exp_branch", "Make a Git branch of an experiment"),
    "exp rename": ("pipelines.commands.exp_rename", "Give an experiment another name"),
    "exp note": ("pipelines.commands.exp_note", "Write a note to an experiment"),
    "exp tag": ("pipelines.commands.exp_tag", "Give an experiment tags"),
    "exp view": ("pipelines.commands.exp_view", "Share a view of the experiments table"),
    "exp remove": ("pipelines.commands.exp_remove", "Remove experiments, or bring them back"),
    "exp push": ("pipelines.commands.exp_push", "Send experiments to a Git remote"),
    "exp pull": ("pipelines.commands.exp_pull", "Bring experiments from a Git remote"),
    "exp clean": ("pipelines.commands.exp_clean", "Delete what experiments left behind"),
    "ui": ("launcher.commands.ui", "Show opened projects in the browser"),
    "desktop": ("launcher.commands.desktop", "Show opened projects in a window of their own"),
    "clone": ("launcher.commands.clone", "Clone a project and open it"),
    "sample": ("launcher.commands.sample", "Make a sample project with experiments"),
    "index": ("launcher.commands.index", "Make the index of opened projects again"),
    "install": ("tracking.commands.install", "Let Git run dataver: hooks and the merge driver"),
}

# commands that programs call, in no list and without a page
HIDDEN: dict[str, str] = {
    "git-hook": "launcher.commands.git_hook",
    "queue-supervisor": "pipelines.commands.queue_supervisor",
}

ALIASES: dict[str, str] = {
    "ls": "list",
    "ls-url": "list-url",
    "rm": "remove",
    "mv": "move",
    "doctor": "version",
    "experiments": "exp",
}

GROUPS: dict[str, str] = {
    "artifacts": "Download artifacts",
    "data": "Inspect tracked data",
    "cache": "Manage the cache",
    "remote": "Set up storage locations",
    "bundle": "Share commits and their data as one file",
    "stage": "Write and list stages",
    "metrics": "Show and compare metrics",
    "params": "Compare and change params",
    "plots": "Draw and compare plots",
    "exp": "Run and manage experiments",
    "queue": "Run experiments in the background",
}


def find(argv: list[str]) -> tuple[str, list[str]] | None:
    """Split a command line into (command name, its arguments), or None when it names no command."""
    if not argv:
        return None
    first = ALIASES.get(argv[0], argv[0])
    is_command = first in COMMANDS or first in HIDDEN
    if is_command and f"{first} {(*argv, '')[1]}" not in COMMANDS:  # `runs` and `runs show` are both commands
        return first, argv[1:]
    if len(argv) > 1 and (first in GROUPS or first in COMMANDS):
        name = f"{first} {ALIASES.get(argv[1], argv[1])}"
        if name in COMMANDS:
            return name, argv[2:]
        name = f"{first} {argv[1]}"
        if name in COMMANDS:
            return name, argv[2:]
    return None


def module_of(name: str) -> str:
    """Dotted name of the module of a command, hidden or not."""
    return HIDDEN.get(name) or COMMANDS[name][0]


def members(group: str) -> list[str]:
    """Names of the commands of a group."""
    return [name for name in COMMANDS if name.startswith(group + " ")]
