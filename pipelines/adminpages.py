"""Params files in Django's admin: typed values, validated, shown as a diff, written back with comments kept; saved, run, or queued."""
from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from pipelines.engine.paramsform import ParamsChanged, ParamsContent, write_params
from pipelines.models import ParamsFile
from pipelines.paramsindex import refresh_params
from pipelines.paramspage import ParamsPreview, preview_change
from tracking import pages
from tracking.engine.errors import DataverError
from tracking.models import Repository

PREFIX = "value."
MULTILINE_CHARS = 60
KINDS = {"int": "a number", "float": "a number", "str": "a text", "list": "a list, as YAML", "dict": "a mapping, as YAML", "null": "nothing (null), or a value", "bool": "true or false"}


class ParamsForm(forms.Form):
    """One field for each value. trust: asked for where running needs it and nobody has given it."""

    digest = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, content: ParamsContent, asks_trust: bool, data: Any = None) -> None:
        super().__init__(data)
        self.content = content
        self.initial["digest"] = content.digest
        for param in content.params:
            name = PREFIX + param.key
            self.fields[name] = forms.CharField(label=param.key, required=False, strip=False, initial=param.text, disabled=bool(param.locked), widget=_widget(param.kind, param.text))
            used = f"; used by {', '.join(param.used_by)}" if param.used_by else ""
            self.fields[name].help_text = param.locked or KINDS.get(param.kind, "") + used
        if asks_trust:
            self.fields["trust"] = forms.BooleanField(required=False, label="I trust this project", help_text="Running or queueing starts commands of the project with your rights, as if you had typed them. You will not be asked again for this folder.")

    def values(self) -> list[Any]:
        return [self[PREFIX + param.key] for param in self.content.params]

    def typed(self) -> dict[str, str]:
        """Key -> text, as the page of settings sends it."""
        return {param.key: str(self.cleaned_data.get(PREFIX + param.key, param.text)).replace("\r\n", "\n") for param in self.content.params if not param.locked}

    def seen(self) -> str:
        """md5 of the file when the form was made."""
        return str(self.data.get("digest", ""))


def _widget(kind: str, text: str) -> forms.Widget:
    if kind == "bool":
        return forms.Select(choices=[("true", "true"), ("false", "false")])
    if len(text) > MULTILINE_CHARS or "\n" in text:
        return forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"})
    return forms.TextInput(attrs={"class": "vTextField" if kind in ("str", "list", "dict") else "vIntegerField"})


class ParamsFileAdmin(admin.ModelAdmin):
    """is_trusted, trust, start: how the layer above runs a command line in a project; set by it."""

    list_display = ("path", "repository", "format", "count", "readers", "problem")
    list_filter = ("repository", "format")
    list_select_related = ("repository",)
    search_fields = ("path",)
    list_per_page = 50
    show_full_result_count = False

    is_trusted: Callable[[Repository], bool]
    trust: Callable[[Repository], None]
    start: Callable[[HttpRequest, Repository, list[str]], str]

    @admin.display(description="values")
    def count(self, row: ParamsFile) -> int:
        return len(row.values)

    @admin.display(description="used by")
    def readers(self, row: ParamsFile) -> str:
        return ", ".join(row.used_by)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        for repository in Repository.objects.prefetch_related("params_files", "stages"):
            try:
                repo = pages.open_root(repository.root, pages.settings_of(request))
            except (DataverError, OSError) as exc:
                messages.warning(request, f"{repository}: {exc}")
                continue
            try:
                refresh_params(repository, repo, repository.params_files.all(), repository.stages.all())
            finally:
                repo.close()
        return super().changelist_view(request, extra_context)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        repo = pages.open_root(row.repository.root, pages.settings_of(request))
        try:
            return self._change(request, row, repo)
        finally:
            repo.close()

    def _change(self, request: HttpRequest, row: Any, repo: Any) -> HttpResponse:
        content = preview_change(row.repository, repo, row.path, {}, "").content
        asks = not self.is_trusted(row.repository)
        if request.method != "POST":
            return self._show(request, row, content, ParamsForm(content, asks))
        form = ParamsForm(content, asks, request.POST)
        form.is_valid()
        found = preview_change(row.repository, repo, row.path, form.typed(), form.seen())
        for key, reason in found.errors.items():
            form.add_error(PREFIX + key if PREFIX + key in form.fields else None, reason)
        if not found.is_current:
            form = self._behind(form, found, asks)
        if form.errors or "_preview" in request.POST or not found.overrides:
            if not form.errors and not found.overrides:
                messages.info(request, "Nothing differs from the file, so nothing was written.")
            return self._show(request, row, content, form, found)
        return self._act(request, row, repo, form, found)

    def _behind(self, form: ParamsForm, found: ParamsPreview, asks: bool) -> ParamsForm:
        """The form again, for the file as it is now; what was typed stays, and what the file says is beside it."""
        typed = form.typed()
        data = form.data.copy()
        data["digest"] = found.content.digest
        again = ParamsForm(found.content, asks, data)
        again.is_valid()
        again.add_error(None, f"{found.content.path} changed since this form was opened, so nothing was written. Compare, then save again.")
        for param in found.content.params:
            if typed.get(param.key, param.text) != param.text:
                again.add_error(PREFIX + param.key, f"the file says {param.text or 'nothing'} now")
        return again

    def _act(self, request: HttpRequest, row: Any, repo: Any, form: ParamsForm, found: ParamsPreview) -> HttpResponse:
        argvs = _argvs(found)
        wanted = "run" if "_run" in request.POST else "queue" if "_queue" in request.POST else "save"
        if wanted == "save":
            try:
                write_params(repo, found.overrides, repo.root_dir, form.seen())
            except ParamsChanged as exc:
                form.add_error(None, exc.message)
                return self._show(request, row, found.content, form, found)
            messages.success(request, f"Saved. Same on the command line: {_command(argvs['save'])}")
        else:
            if not self.is_trusted(row.repository):
                if not form.cleaned_data.get("trust"):
                    form.add_error("trust", "needed to run or queue")
                    return self._show(request, row, found.content, form, found)
                self.trust(row.repository)
            messages.success(request, f"Started: {self.start(request, row.repository, argvs[wanted])}. Activity, at the bottom of the project's pages, tells how it ends.")
        refresh_params(row.repository, repo)
        return HttpResponseRedirect(reverse("admin:pipelines_paramsfile_change", args=[row.pk]))

    def _show(self, request: HttpRequest, row: Any, content: ParamsContent, form: ParamsForm, preview: ParamsPreview | None = None) -> HttpResponse:
        commands = {name: _command(argv) for name, argv in _argvs(preview).items()} if preview else {}
        context = {**self.admin_site.each_context(request), "title": f"Change {row.path}", "opts": self.opts, "original": row, "content": content, "form": form, "preview": preview, "commands": commands}
        return TemplateResponse(request, "admin/pipelines/paramsfile/change_form.html", context, status=422 if form.errors else 200)


def _argvs(found: ParamsPreview) -> dict[str, list[str]]:
    flags = [word for text in found.overrides for word in ("-S", text)]
    return {"save": ["params", "set", *found.overrides], "run": ["exp", "run", *flags], "queue": ["exp", "run", "--queue", *flags]}


def _command(argv: list[str]) -> str:
    return shlex.join(["dataver", *argv])
