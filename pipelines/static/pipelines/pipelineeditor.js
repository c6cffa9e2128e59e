// The editor of a dvc.yaml: the text as it is, what is wrong with it by line, what it would change; written only when nothing is wrong.
import { commandLine, commandOf, note, pathWord } from "../launcher/actions.js";
import { el, getJSON, icon, postJSON } from "../launcher/frame.js";

const CHECK_MS = 250; // after the last key
const base = `/r/${document.body.dataset.repository}/pipeline/`;
const drafts = new Map(); // "file version" -> text that was not saved

/** file: path from the root. stage: address of the stage whose line is shown first. Resolves to true when it was saved. */
export async function openEditor(file, stage = "") {
  let begun;
  try { begun = await getJSON(`${base}text.json?${new URLSearchParams({ file, stage })}`); } catch (error) { note(error.message, { isBad: true }); return false; }
  return new Editor(file, begun).opened;
}

/** As one edits it in a terminal. */
export const editorLine = (file) => commandOf([pathWord(file)]).replace(/^dataver/, "$EDITOR");

export const textOf = async (file) => (await getJSON(`${base}text.json?${new URLSearchParams({ file })}`)).text;

/** Put an earlier text back, whatever stands there now; the page says so. */
export async function restore(file, text) {
  try {
    const { version } = await getJSON(`${base}text.json?${new URLSearchParams({ file })}`);
    const answer = await postJSON(`${base}edit.json`, { file, text, version, save: true });
    note(answer.saved ? `${file} is as it was; the next run records its outputs again` : answer.problems[0].reason, { isBad: !answer.saved });
  } catch (error) { note(error.message, { isBad: true }); }
}

class Editor {
  constructor(file, { text, version, line }) {
    Object.assign(this, { file, saved: text, version, timer: null, asked: 0, isFine: false });
    const key = `${file} ${version}`;
    this.key = key;
    this.area = el("textarea", { class: "ed-text", spellcheck: "false", autocomplete: "off", autocapitalize: "off", wrap: "off", "aria-label": `Text of ${file}`, "data-testid": "edit-text" });
    this.area.value = drafts.get(key) ?? text;
    this.gutter = el("div", { class: "ed-lines", "aria-hidden": "true" });
    this.problems = el("div", { class: "ed-problems", role: "status", "data-testid": "edit-problems" });
    this.diff = el("div", { class: "log ed-diff", tabindex: "0", role: "region", "aria-label": "What changes", "data-testid": "edit-diff" });
    this.save = el("button", { type: "submit", class: "btn btn-primary", disabled: true, "data-testid": "edit-confirm", title: `Writes ${file}  Ctrl S` }, "Save");
    this.form = el("form", { method: "dialog", class: "ed-form" },
      el("div", { class: "dialog-head" }, el("h2", { id: "editor-title" }, "Edit ", el("span", { class: "mono" }, file)), el("span", { class: "grow" }),
        el("button", { type: "button", class: "btn btn-quiet btn-icon", "aria-label": "Close", "data-testid": "edit-close", onclick: () => this.dialog.close() }, icon("x"))),
      el("div", { class: "ed-body" }, el("div", { class: "ed-code" }, this.gutter, this.area), el("div", { class: "ed-side" }, this.problems, el("h3", {}, "What changes"), this.diff)),
      el("div", { class: "dialog-foot row" }, el("span", { class: "t3 sm nowrap hide-md" }, "Same in a terminal"), commandLine(editorLine(file)), el("span", { class: "grow" }),
        el("button", { type: "button", class: "btn", "data-testid": "edit-cancel", onclick: () => { drafts.delete(this.key); this.area.value = this.saved; this.dialog.close(); } }, "Discard"), this.save));
    this.dialog = el("dialog", { class: "dialog dialog-editor", "aria-labelledby": "editor-title", "data-testid": "edit" }, this.form);
    this.area.addEventListener("input", () => this.changed());
    this.area.addEventListener("scroll", () => { this.gutter.scrollTop = this.area.scrollTop; });
    this.area.addEventListener("keydown", (event) => this.key_(event));
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.write(); });
    this.opened = new Promise((resolve) => this.dialog.addEventListener("close", () => { this.left(); resolve(this.wrote === true); }));
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.number();
    this.area.focus();
    this.goTo(line);
    this.check();
  }

  goTo(line) {
    const lines = this.area.value.split("\n");
    const at = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
    this.area.focus();
    this.area.setSelectionRange(at, at + (lines[line - 1] ?? "").length);
    this.area.scrollTop = Math.max(0, (line - 4) * 18);
    this.area.scrollLeft = 0;
  }

  number(wrong = new Set()) {
    const count = this.area.value.split("\n").length;
    this.gutter.replaceChildren(...Array.from({ length: count }, (_, index) => el("div", wrong.has(index + 1) ? { class: "is-bad" } : {}, String(index + 1))));
    this.gutter.scrollTop = this.area.scrollTop;
  }

  changed() {
    this.save.disabled = true;
    this.number();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check(), CHECK_MS);
  }

  async check() {
    const asked = this.asked += 1;
    let told;
    try { told = await postJSON(`${base}edit.json`, { file: this.file, text: this.area.value, version: this.version, save: false }); } catch (error) { told = { problems: [{ reason: error.message, line: null }], diff: [] }; }
    if (asked === this.asked) this.show(told);
  }

  show({ problems, diff }) {
    this.number(new Set(problems.map((problem) => problem.line)));
    this.problems.replaceChildren(...(problems.length
      ? problems.map(({ reason, line }) => el("div", { class: "note note-bad", "data-testid": "edit-problem" }, icon("fail"),
        el("div", { class: "grow" }, line ? el("button", { type: "button", class: "ed-go", "data-testid": "edit-go", onclick: () => this.goTo(line) }, `Line ${line}`) : null, el("div", { class: "reason" }, reason))))
      : [el("span", { class: "state is-ok" }, icon("done"), diff.length ? "A valid pipeline" : "A valid pipeline, nothing changed yet")]));
    this.diff.replaceChildren(...(diff.length ? diff.slice(2).map((line) => el("div", { class: line.startsWith("@@") ? "t3" : line.startsWith("+") ? "d-add" : line.startsWith("-") ? "d-del" : "" }, line || " ")) : [el("span", { class: "t3" }, "Nothing yet: edit the text at the left.")]));
    this.save.disabled = problems.length > 0 || diff.length === 0;
  }

  key_(event) {
    if ((event.ctrlKey || event.metaKey) && event.key === "s") { event.preventDefault(); if (!this.save.disabled) this.write(); return; }
    if (event.key === "Enter" && !event.ctrlKey && !event.isComposing) { // the next line begins where this one does
      event.preventDefault();
      const before = this.area.value.slice(0, this.area.selectionStart);
      document.execCommand("insertText", false, `\n${before.slice(before.lastIndexOf("\n") + 1).match(/^ */)[0]}`);
    }
  }

  async write() {
    if (this.save.disabled) return;
    this.save.disabled = true;
    let told;
    try { told = await postJSON(`${base}edit.json`, { file: this.file, text: this.area.value, version: this.version, save: true }); } catch (error) { this.show({ problems: [{ reason: error.message, line: null }], diff: [] }); return; }
    if (!told.saved) { this.show(told); return; }
    this.wrote = true;
    drafts.delete(this.key);
    this.dialog.close();
    note(`Saved ${this.file}`, { undo: { label: "Undo", run: () => this.undo() } });
  }

  /** The text from before, unless somebody changed the file since. */
  async undo() {
    try {
      const now = await getJSON(`${base}text.json?${new URLSearchParams({ file: this.file })}`);
      if (now.text !== this.area.value) { note(`${this.file} was changed since, so it stays as it is`, { isBad: true }); return; }
      await postJSON(`${base}edit.json`, { file: this.file, text: this.saved, version: now.version, save: true });
      note(`${this.file} is as it was before`);
    } catch (error) { note(error.message, { isBad: true }); }
  }

  left() {
    clearTimeout(this.timer);
    this.dialog.remove();
    if (this.wrote || this.area.value === this.saved) return;
    drafts.set(this.key, this.area.value);
    note(`Nothing was written; the draft of ${this.file} is kept on this page`, { undo: { label: "Go on editing", run: () => openEditor(this.file) } });
  }
}
