// Params as typed fields, with the change of the file beside them before it is made. What is typed stays when the file changes meanwhile.

import { coded, el, icon, postJSON } from "../frame.js";
import { act, actionButton, note } from "../actions.js";

const ASK_MS = 150; // after the last key
const base = `/r/${document.body.dataset.repository}`;
const editors = new Map(); // path -> Editor

export function drawParams(node, page) {
  const paths = page.params.map((content) => content.path);
  for (const path of editors.keys()) if (!paths.includes(path)) editors.delete(path);
  if (node.dataset.paths !== JSON.stringify(paths)) {
    node.dataset.paths = JSON.stringify(paths);
    node.replaceChildren(...page.params.flatMap((content) => { const editor = editors.get(content.path) || new Editor(content.path); editors.set(content.path, editor); return editor.nodes; }));
    if (!paths.length) node.replaceChildren(el("div", { class: "sh2" }, el("h2", {}, "Params")), el("div", { class: "card nothing", "data-testid": "no-params" }, ...(page.problem ? ["The configuration has to be mended first."] : coded("No stage reads params yet. Write values into params.yaml and name them under `params:` of a stage in dvc.yaml; then they are edited here and compared on every page."))));
  }
  for (const content of page.params) editors.get(content.path).update(content, page.branch);
}

class Editor {
  constructor(path) {
    this.path = path;
    this.content = null;
    this.typed = new Map(); // key -> {text, base}: base is what the file said when it was typed
    this.rows = new Map();
    this.preview = null;
    this.asked = 0;
    this.count = el("span", {});
    this.table = el("tbody", {});
    this.headTitle = el("th", { scope: "col" }, "At HEAD");
    this.diffHead = el("div", { class: "row sm" });
    this.diff = el("div", { class: "log diff", tabindex: "0", role: "region", "aria-label": `What will be written to ${path}`, "data-testid": "params-diff" });
    this.reruns = el("span", { class: "reruns", "data-testid": "params-reruns" });
    this.problem = el("div", { class: "nothing", hidden: true, "data-testid": "params-problem" });
    const argv = (...front) => () => [...front, ...(this.preview ? this.preview.overrides : []).flatMap((text) => ["-S", text])];
    this.discard = el("button", { type: "button", class: "btn btn-quiet", "data-testid": "params-discard", title: "Show what the file says again", onclick: () => this.reset() }, "Discard");
    this.save = actionButton("Save", () => this.saveArgv(), { testid: "params-save", run: () => this.run("save") });
    this.queue = actionButton("Save and queue as experiment", argv("exp", "run", "--queue"), { symbol: "queue", testid: "params-queue", run: () => this.run("queue", argv("exp", "run", "--queue")()) });
    this.go = actionButton("Save and run", argv("exp", "run"), { symbol: "play", classes: "btn-primary", testid: "params-run", run: () => this.run("run", argv("exp", "run")()) });
    this.card = el("div", { class: "card pe" }, el("div", { class: "pel", tabindex: "0", role: "region", "aria-label": `Values of ${path}` }, el("table", { class: "tbl ptt" }, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Name"), el("th", { scope: "col" }, "Value"), this.headTitle, el("th", { scope: "col" }, "Used by"), el("th", { scope: "col" }, el("span", { class: "vh" }, "Undo")))), this.table), this.problem),
      el("div", { class: "per" }, this.diffHead, this.diff),
      el("div", { class: "pef" }, this.reruns, this.discard, this.save, this.queue, this.go));
    this.nodes = [el("div", { class: "sh2", "data-testid": `params-${path}` }, el("h2", {}, "Params"), el("span", { class: "mono t3 trunc" }, path), el("span", { class: "grow" }), this.count), this.card];
  }

  /** What the file says now; what was typed stays. */
  update(content, branch) {
    this.branch = branch;
    if (this.content && this.typed.size && !content.params.length) { // being written, or broken just now: what was typed stays
      this.problem.hidden = false;
      this.problem.textContent = `${this.path}: ${content.problem || "it holds no values now"}`;
      return;
    }
    const keys = content.params.map((param) => param.key).join("\n");
    this.headTitle.textContent = branch && content.params.some((param) => param.head !== null && param.head !== param.text) ? "In the last commit" : "";
    if (!this.content || keys !== this.content.params.map((param) => param.key).join("\n")) {
      this.rows = new Map(content.params.map((param) => [param.key, this.rows.get(param.key) || new Row(this, param)]));
      const typedIn = this.table.contains(document.activeElement) ? document.activeElement : null;
      this.table.replaceChildren(...[...this.rows.values()].map((row) => row.node));
      typedIn?.focus({ preventScroll: true });
    }
    this.content = content;
    this.problem.hidden = !content.problem;
    this.problem.textContent = content.problem ? (content.problem.startsWith(`${this.path}:`) ? content.problem : `${this.path}: ${content.problem}`) : "";
    for (const param of content.params) {
      const typed = this.typed.get(param.key);
      if (typed && (typed.text === param.text || typed.isSaved)) this.typed.delete(param.key);
      this.rows.get(param.key).update(param, this.typed.get(param.key));
    }
    for (const key of this.typed.keys()) if (!this.rows.has(key)) this.typed.delete(key);
    this.show();
    this.ask();
  }

  type(key, text) {
    const param = this.content.params.find((item) => item.key === key);
    const before = this.typed.get(key);
    if (text === param.text) this.typed.delete(key); else this.typed.set(key, { text, base: before ? before.base : param.text });
    this.rows.get(key).update(param, this.typed.get(key));
    this.show();
    this.ask();
  }

  /** Keys that were typed, and changed in the file since. */
  conflicts() { return [...this.typed].filter(([key, typed]) => { const param = this.content.params.find((item) => item.key === key); return param && param.text !== typed.base; }).map(([key]) => key); }

  reset() { this.typed.clear(); this.preview = null; for (const param of this.content.params) this.rows.get(param.key).update(param, null); this.show(); }

  /** Ask the server what saving would do. */
  ask(now = false) {
    clearTimeout(this.timer);
    if (!this.typed.size) { this.preview = null; this.show(); return Promise.resolve(); }
    if (!now) { this.timer = setTimeout(() => this.ask(true), ASK_MS); return Promise.resolve(); }
    this.asked += 1;
    const mine = this.asked;
    return postJSON(`${base}/settings/params`, { path: this.path, digest: this.content.digest, typed: Object.fromEntries([...this.typed].map(([key, typed]) => [key, typed.text])) }).then((preview) => {
      if (mine !== this.asked || !this.typed.size) return;
      this.preview = preview;
      for (const [key, row] of this.rows) row.complain(preview.errors[key] || "");
      if (!preview.is_current) this.update(preview.content, this.branch); else this.show();
    }, (error) => note(error.message, { isBad: true }));
  }

  show() {
    const edits = this.typed.size;
    const errors = this.preview ? Object.keys(this.preview.errors).length : 0;
    const conflicts = this.conflicts().length;
    this.count.className = edits ? "state is-warn" : "";
    this.count.replaceChildren(...(edits ? [icon("change"), `${edits} edit${edits === 1 ? "" : "s"}`] : []));
    const preview = edits ? this.preview : null;
    this.diffHead.replaceChildren(el("span", { class: "medium" }, "What will be written"), el("span", { class: "grow" }), ...(preview && preview.diff.length ? [el("span", { class: "up" }, `+${preview.added}`), el("span", { class: "down" }, `\u2212${preview.removed}`)] : []));
    this.diff.replaceChildren(...(preview && preview.diff.length ? preview.diff.map(diffLine) : [el("div", { class: "none" }, edits ? "Nothing yet" : "Change a value to see it here")]));
    this.reruns.replaceChildren(...(conflicts ? [`${this.path} changed meanwhile: choose which value stays`] : errors ? ["Correct what is marked"] : preview && preview.stages.length ? [icon("dag"), `Reruns ${listed(preview.stages)}${preview.seconds === null ? "" : `, about ${duration(preview.seconds)}`}`] : preview && edits ? ["No stage reads what changed"] : []));
    this.discard.disabled = !edits;
    for (const button of [this.save, this.queue, this.go]) button.disabled = !preview || !preview.overrides.length || errors > 0 || conflicts > 0;
    this.queue.title = `${this.queue.title.split("\n")[0]}\nThe values go into the experiment; ${this.path} stays as it is`;
  }

  /** What was typed is what the file says now; the next update brings the file itself. */
  saved(keys) {
    for (const key of keys) { const typed = this.typed.get(key); if (typed) this.typed.set(key, { text: typed.text, base: typed.text, isSaved: true }); }
  }

  saveArgv() { return ["params", "set", "--if-md5", this.content ? this.content.digest : "", ...(this.preview ? this.preview.overrides : []).map((text) => text)].flatMap((text, at, all) => (at === 4 && all.slice(4).some((item) => item.startsWith("-")) ? ["--", text] : [text])); }

  async run(what) {
    await this.ask(true); // once more against the file as it is now
    if (!this.preview || this.go.disabled) return;
    const { overrides, undo, keys } = this.preview;
    const flags = overrides.flatMap((text) => ["-S", text]);
    if (what === "save") {
      const item = await act(this.saveArgv(), { done: `Saved in ${this.path}`, undo: { label: "Undo", argv: ["params", "set", ...undo] } });
      if (item && item.state === "done") this.saved(keys);
    } else if (what === "run") await act(["exp", "run", ...flags], { done: `Ran with ${listed(overrides)}` });
    else {
      const item = await act(["exp", "run", "--queue", ...flags], { done: `Queued with ${listed(overrides)}; ${this.path} stays as it is` });
      if (item && item.state === "done") this.reset();
    }
  }
}

class Row {
  constructor(editor, param) {
    this.editor = editor;
    this.key = param.key;
    this.error = "";
    this.field = field(param);
    this.field.addEventListener("input", () => editor.type(this.key, this.field.value));
    this.head = el("td", { class: "mono t3 sm" });
    this.used = el("div", { class: "trunc used" });
    this.says = el("div", { class: "says", role: "status", hidden: true, "data-testid": `param-says-${this.key}` });
    this.words = el("span", {}); // these stay the same nodes: a click must not lose its button to an update
    this.take = el("button", { type: "button", class: "btn", "data-testid": `param-take-${this.key}`, hidden: true, onclick: () => this.editor.type(this.key, this.param.text) }, "Take it");
    this.mine = el("button", { type: "button", class: "btn", "data-testid": `param-mine-${this.key}`, hidden: true, onclick: () => { this.typed.base = this.param.text; this.tell(); this.editor.show(); } }, "Keep mine");
    this.says.append(this.words, this.take, this.mine);
    this.undo = el("button", { type: "button", class: "btn btn-quiet btn-icon", "aria-label": `Undo ${this.key}`, title: "Back to what the file says", "data-testid": `param-undo-${this.key}`, hidden: true, onclick: () => { editor.type(this.key, this.param.text); this.field.focus(); } }, icon("undo"));
    this.node = el("tr", { "data-testid": "param-row", "data-key": this.key }, el("td", { class: "mono sm" }, this.key), el("td", {}, el("label", { class: `field${["list", "dict"].includes(param.kind) || param.text.length > 18 ? " is-wide" : ""}` }, this.field), this.says), this.head, el("td", { class: "t3 sm" }, this.used), el("td", { class: "num" }, this.undo));
  }

  update(param, typed) {
    this.param = param;
    this.typed = typed;
    const text = typed ? typed.text : param.text;
    if (this.field.value !== text) this.field.value = text;
    this.field.disabled = Boolean(param.locked);
    this.field.title = param.locked || kindWord(param.kind);
    this.head.textContent = param.head === null || param.head === param.text ? "" : param.head;
    this.used.textContent = param.used_by.join(", ");
    this.used.title = this.used.textContent;
    this.node.classList.toggle("ed", Boolean(typed));
    this.undo.hidden = !typed;
    if (!typed) this.error = "";
    this.tell();
  }

  complain(error) { this.error = this.typed ? error : ""; this.tell(); }

  tell() {
    const news = this.typed && this.param.text !== this.typed.base;
    this.says.hidden = !news && !this.error;
    this.says.classList.toggle("is-news", Boolean(news));
    this.node.classList.toggle("bad", Boolean(this.error));
    this.field.setAttribute("aria-invalid", String(Boolean(this.error)));
    const words = news ? `The file says ${this.param.text || "nothing"} now` : this.error;
    if (this.words.textContent !== words) this.words.textContent = words;
    this.take.hidden = this.mine.hidden = !news;
  }
}

function field(param) {
  const about = { "aria-label": param.key, "data-testid": `param-${param.key}`, "data-kind": param.kind };
  if (param.kind === "bool") return el("select", about, el("option", { value: "true" }, "true"), el("option", { value: "false" }, "false"));
  if (param.text.includes("\n")) return el("textarea", { rows: "3", autocomplete: "off", spellcheck: "false", ...about });
  return el("input", { type: "text", inputmode: ["int", "float"].includes(param.kind) ? "decimal" : null, autocomplete: "off", spellcheck: "false", ...about });
}
function kindWord(kind) { return { int: "a number", float: "a number", str: "a text", list: "a list, as YAML", dict: "a mapping, as YAML", null: "nothing (null), or a value" }[kind] || kind; }

function diffLine(line) {
  if (line.sign === "\u2026") return el("div", { class: "t3" }, "\u2026");
  const [start, end] = line.mark || [0, 0];
  const text = line.mark ? [line.text.slice(0, start), el("mark", {}, line.text.slice(start, end)), line.text.slice(end)] : [line.text];
  return el("div", { class: line.sign === "+" ? "ins" : line.sign === "-" ? "del" : "" }, el("span", { class: "ln2" }, String(line.number)), el("span", { class: "sgn" }, line.sign === "-" ? "\u2212" : line.sign), ...text);
}
function listed(words) { return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`; }
function duration(seconds) { return seconds < 10 ? `${seconds.toFixed(1)} s` : seconds < 60 ? `${Math.round(seconds)} s` : `${Math.floor(seconds / 60)}m ${String(Math.round(seconds % 60)).padStart(2, "0")}s`; }
