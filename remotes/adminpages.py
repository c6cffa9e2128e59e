"""Remotes in Django's admin. The configuration is the truth: saving writes its files, then the rows are read again. Secrets go in, never out."""
from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from remotes.engine import remoteconfig
from remotes.engine.kinds import kinds
from remotes.indexing import refresh_remotes_from
from remotes.models import Remote
from tracking import pages
from tracking.engine import config_schema, configview
from tracking.engine.config import Config
from tracking.engine.config_schema import Invalid, url_scheme
from tracking.engine.configview import Entry
from tracking.engine.credentials import MASK, has_login, is_secret
from tracking.engine.errors import DataverError
from tracking.engine.repo import DVC_DIR
from tracking.engine.secretstore import make_private
from tracking.models import Repository

OPTION, SECRET, CLEAR = "option_", "secret_", "clear_"
PROJECT, LOCAL = "repo", "local"


def config_of(root: str, request: HttpRequest) -> Config:
    return Config.load(os.path.join(root, DVC_DIR), pages.settings_of(request), validate=False)


def refresh(repository: Repository, request: HttpRequest) -> None:
    refresh_remotes_from(repository, config_of(repository.root, request), Remote.objects.filter(repository=repository))


class RemoteForm(forms.ModelForm):
    """Fields of the model, and of a remote that is there one for each option of its kind. Built for a request by `RemoteAdmin.get_form`."""

    config: Config | None = None
    entries: dict[str, Entry] = {}
    known: list[Entry] = []

    class Meta:
        model = Remote
        fields = ("repository", "name", "url", "level")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["url"].label = "Address"
        self.fields["level"].label = "Write to"
        self.fields["level"].help_text = "the file that gets what changes here; what other files say stays"
        if self.instance.pk is None:
            self.fields["url"].help_text = f"no password in it; its options and credentials come next. {', '.join(f'{kind.label}: {kind.example}' for kind in kinds())}"
            return
        self.fields["repository"].disabled = True
        self.fields["url"].required = False
        url = self._value("url")
        self.initial["url"] = "" if MASK in url else url
        self.fields["url"].help_text = "it has a password or token in it, which is not shown: leave empty to keep it" if MASK in url else "no password in it: store that under Credentials"
        for entry in self.known:
            if entry.is_secret:
                self._add_secret(entry)
            else:
                self.fields[OPTION + entry.name] = option_field(entry)
                self.initial[OPTION + entry.name] = self._value(entry.name)

    def _add_secret(self, entry: Entry) -> None:
        levels = self._levels(entry.name)
        says = f"set in {', '.join(self.config.display(level) for level in levels)}; leave empty to keep it" if levels and self.config else "not set"
        widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password", "class": "vTextField"})
        self.fields[SECRET + entry.name] = forms.CharField(label=entry.name, required=False, strip=False, help_text=says, widget=widget)
        if LOCAL in levels:
            self.fields[CLEAR + entry.name] = forms.BooleanField(label=f"Clear {entry.name}", required=False)

    def _value(self, option: str) -> str:
        entry = self.entries.get(option)
        return entry.values[0].text if entry else ""

    def _levels(self, option: str) -> list[str]:
        entry = self.entries.get(option)
        return [value.level for value in entry.values] if entry else []

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).lower()
        if not name.strip() or any(char in name for char in '"[]\n\r'):
            raise forms.ValidationError("no quotes, brackets or line breaks")
        return name

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        if has_login(url):
            raise forms.ValidationError("leave the password or token out; store it under Credentials")
        scheme = url_scheme(url)
        if url and scheme != "remote" and scheme not in config_schema.REMOTES:
            raise forms.ValidationError(f"there is no kind of storage {scheme}://")
        return url

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        checks = config_schema.REMOTES.get(url_scheme(cleaned.get("url") or self._value("url")), {})
        for name, value in list(cleaned.items()):
            option = name.removeprefix(OPTION).removeprefix(SECRET)
            if option == name or value in (None, ""):
                continue
            if any(char in str(value) for char in "\0\r\n"):
                self.add_error(name, "one line is needed")
            elif option not in checks:
                self.add_error(name, "this kind of storage has no such option")
            else:
                try:
                    checks[option](str(value))
                except Invalid as exc:
                    self.add_error(name, exc.text)
        return cleaned

    def changes(self) -> dict[str, dict[str, str | None]]:
        """Level -> option -> value, None to take it out. Only what differs."""
        found: dict[str, dict[str, str | None]] = {}
        level = self.cleaned_data["level"]
        if self.cleaned_data["url"] and self.cleaned_data["url"] != self._value("url"):
            found.setdefault(level, {})["url"] = self.cleaned_data["url"]
        for entry in self.known:
            if entry.is_secret:
                if self.cleaned_data.get(SECRET + entry.name):
                    found.setdefault(LOCAL, {})[entry.name] = self.cleaned_data[SECRET + entry.name]
                elif self.cleaned_data.get(CLEAR + entry.name):
                    found.setdefault(LOCAL, {})[entry.name] = None
                continue
            value, before = _said(self.cleaned_data.get(OPTION + entry.name)), self._value(entry.name)
            if value and value != before:
                found.setdefault(level, {})[entry.name] = value
            elif not value and before:
                found.setdefault(self._levels(entry.name)[0], {})[entry.name] = None
        return found


def _said(value: Any) -> str:
    return "" if value is None else str(value)


def option_field(entry: Entry) -> forms.Field:
    """Typed as the schema wants it; empty is "not set"."""
    empty = f"default ({entry.default})" if entry.default else "not set"
    if entry.kind in ("bool", "choice"):
        choices = ["true", "false"] if entry.kind == "bool" else entry.choices
        return forms.ChoiceField(label=entry.name, required=False, choices=[("", empty), *((choice, choice) for choice in choices)])
    if entry.kind == "int":
        return forms.IntegerField(label=entry.name, required=False, widget=forms.NumberInput(attrs={"placeholder": empty, "class": "vIntegerField"}))
    return forms.CharField(label=entry.name, required=False, widget=forms.TextInput(attrs={"placeholder": empty, "class": "vTextField"}))


class RemoteAdmin(admin.ModelAdmin):
    """Rows are read again from the files whenever the list is shown.

    start: runs a command line of a project as a child process and returns where its state can be asked for; set by the layer above.
    """

    start: Callable[[HttpRequest, Repository, list[str]], str]

    list_display = ("name", "repository", "address", "level_word", "default_mark", "credentials")
    list_filter = ("repository", "level")
    list_select_related = ("repository",)
    search_fields = ("name", "url")
    list_per_page = 50
    show_full_result_count = False
    actions = ("test_remotes", "make_default")

    @admin.display(description="address", ordering="url")
    def address(self, remote: Remote) -> str:
        return remote.url

    @admin.display(description="set in", ordering="level")
    def level_word(self, row: Remote) -> str:
        return "project" if row.level == PROJECT else row.level

    @admin.display(description="default", ordering="is_default")
    def default_mark(self, row: Remote) -> str:
        return "Default" if row.is_default else ""

    @admin.display(description="credentials")
    def credentials(self, row: Remote) -> str:
        return f"set: {', '.join(row.secrets)}" if row.secrets else "not set"

    # --- showing
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        for repository in Repository.objects.prefetch_related("remotes"):
            try:
                refresh_remotes_from(repository, config_of(repository.root, request), repository.remotes.all())
            except (DataverError, OSError) as exc:
                messages.warning(request, f"{repository}: {exc}")
        return super().changelist_view(request, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        attributes: dict[str, Any] = {}
        if obj is not None:
            config = config_of(obj.repository.root, request)
            entries = {entry.name.rsplit(".", 1)[1]: entry for entry in configview.entries_of(config, obj.repository.root) if entry.name.rsplit(".", 1)[0] == f"remote.{obj.name}"}
            url = str(config.remotes().get(obj.name, {}).get("url", ""))
            attributes = {"config": config, "entries": entries, "known": configview.options_of_scheme(url_scheme(url))}
        return type("BoundRemoteForm", (RemoteForm,), attributes)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        main: list[Any] = [(None, {"fields": ["repository", "name", "url", "level"]})]
        if obj is None:
            return main
        known = self.get_form(request, obj).known
        secrets = [name for entry in known if entry.is_secret for name in (SECRET + entry.name, CLEAR + entry.name)]
        shown = set(self.get_form(request, obj)(instance=obj).fields)
        options = [OPTION + entry.name for entry in known if not entry.is_secret]
        if secrets:
            main.append(("Credentials", {"fields": [name for name in secrets if name in shown], "description": "Kept in .dvc/config.local, which Git ignores. What is stored is never shown."}))
        return [*main, ("Options", {"fields": options, "classes": ["mono"]})]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().render_change_form(request, {**context, "commands": lines_of(context["original"]) if context.get("original") else {}}, *args, **kwargs)

    def render_delete_form(self, request: HttpRequest, context: Any) -> HttpResponse:
        return super().render_delete_form(request, {**context, "commands": lines_of(context["object"])})

    # --- writing
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        root = obj.repository.root
        try:
            config = config_of(root, request)
            if change:
                commands = self._modify(config, obj, form, root)
            else:
                remoteconfig.add(config, obj.level, obj.name, form.cleaned_data["url"], root)
                commands = [command("remote", "add", *flag(obj.level), obj.name, form.cleaned_data["url"])]
        except (DataverError, OSError) as exc:
            messages.error(request, f"Nothing was written: {exc}")
        else:
            if commands:
                messages.info(request, f"Same on the command line: {' && '.join(commands)}")
        refresh(obj.repository, request)
        row = Remote.objects.filter(repository=obj.repository, name=obj.name).first()
        obj.pk = row.pk if row else obj.pk

    def _modify(self, config: Config, obj: Any, form: Any, root: str) -> list[str]:
        commands = []
        before = Remote.objects.get(pk=obj.pk)
        if obj.name != before.name:
            remoteconfig.rename(config, before.level, before.name, obj.name)
            Remote.objects.filter(pk=obj.pk).update(name=obj.name)
            commands.append(command("remote", "rename", *flag(before.level), before.name, obj.name))
        for level, options in form.changes().items():
            if level == LOCAL and any(is_secret(("remote", obj.name, option)) for option in options):
                make_private(config)
            remoteconfig.modify(config, level, obj.name, options, root)
            for option, value in options.items():
                shown = [] if value is None else [MASK if is_secret(("remote", obj.name, option)) else value]
                commands.append(command("remote", "modify", *flag(level), *(["-u"] if value is None else []), obj.name, option, *shown))
        return commands

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """What its kind may be told is known now."""
        if obj.pk and "_addanother" not in request.POST:
            return HttpResponseRedirect(reverse("admin:remotes_remote_change", args=[obj.pk]))
        return super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        if "_test" in request.POST:
            self.test_remotes(request, Remote.objects.filter(pk=obj.pk))
        elif "_default" in request.POST:
            self.make_default(request, Remote.objects.filter(pk=obj.pk))
        else:
            return super().response_change(request, obj)
        return HttpResponseRedirect(request.get_full_path())

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        return [{"added" if add else "changed": {}}]  # names of fields, and of secrets among them, are nobody's business

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        remoteconfig.remove(config_of(obj.repository.root, request), obj.level, obj.name)
        refresh(obj.repository, request)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for row in list(queryset.select_related("repository")):
            self.delete_model(request, row)

    # --- actions
    @admin.action(description="Test: write, read and delete a small object")
    def test_remotes(self, request: HttpRequest, queryset: Any) -> None:
        """A storage may take its time to answer, or never do: the page follows a child process."""
        for row in queryset.select_related("repository"):
            try:
                address = self.start(request, row.repository, ["remote", "test", "--json", row.name])
            except (DataverError, OSError) as exc:
                messages.error(request, f"{row.name}: {exc}")
            else:
                messages.info(request, format_html('<span data-follow="{}" data-name="{}">{}: {}</span>', address, row.name, row.name, f"being tested ({command('remote', 'test', row.name)})"))

    @admin.action(description="Make it the default remote")
    def make_default(self, request: HttpRequest, queryset: Any) -> None:
        rows = list(queryset.select_related("repository"))
        if len({row.repository_id for row in rows}) < len(rows):
            messages.error(request, "A repository has one default remote: choose one.")
            return
        for row in rows:
            level = default_level(row)
            try:
                remoteconfig.choose_default(config_of(row.repository.root, request), level, row.name)
            except (DataverError, OSError) as exc:
                messages.error(request, f"{row.name}: {exc}")
            else:
                messages.success(request, f"{row.name} is the default remote of {row.repository} ({command('remote', 'default', *flag(level), row.name)})")
            refresh(row.repository, request)


def default_level(row: Remote) -> str:
    """The file that names it as the default."""
    return LOCAL if row.level == LOCAL else PROJECT


def lines_of(row: Remote) -> dict[str, str]:
    """Command lines of what its pages do."""
    own, default = flag(row.level), flag(default_level(row))
    return {"modify": command("remote", "modify", *own, row.name, "OPTION", "VALUE"), "remove": command("remote", "remove", *own, row.name), "test": command("remote", "test", row.name), "default": command("remote", "default", *default, row.name)}


def flag(level: str) -> list[str]:
    return [] if level == PROJECT else [f"--{level}"]


def command(*argv: str) -> str:
    return shlex.join(["dataver", *argv]).replace(f"'{MASK}'", MASK)
