// The dialog that starts runs: params with their values, where it runs, and sweeps with their number of runs before anything is queued.
import { act, decide, note, optionWords, pathWord } from "../launcher/actions.js";
import { chosen, el, getJSON, icon, keep, problemCard } from "../launcher/frame.js";
import { runsOf } from "./sweep.js";

const base = `/r/${document.body.dataset.repository}/`;
const RUNS_SHOWN = 100;
const FILTER_FROM = 9; // params; fewer need no field to find one
const RANDOM_AT_MOST = 1000;
const PLACES = [["here", "play", "Run here", "In the workspace, which has the results then"], ["temp", "folder", "Run in a copy", "In a temporary copy; the workspace stays as it is"], ["queue", "queue", "Queue", "Later, by the queue's workers"]];
const NAME = /^[\w.+@][\w.+@-]*$/;

function style() {
  const href = new URL("rundialog.css", import.meta.url).href;
  if (!document.querySelector(`link[href="${href}"]`)) document.head.append(el("link", { rel: "stylesheet", href }));
}

/**
 * Ask what to run and run it. baseline: revision whose params are filled in where they differ from the workspace's (its code is not taken).
 * changes: {name: text}, filled in, too; a name is `lr` or `file:key`. targets: stages, all when empty. place: "here", "temp" or "queue".
 * Resolves to the ended item of `act`, or null when nothing was started.
 */
export async function openRunDialog({ baseline = null, changes = {}, targets = [], place = null, name = "" } = {}) {
  style();
  let facts;
  try { facts = await getJSON(`${base}rundialog.json?${new URLSearchParams(baseline ? { baseline } : {})}`); } catch (error) { note(error.message, { isBad: true }); return null; }
  const dialog = new RunDialog(facts, { baseline, changes, targets, place: place || chosen("run-place", "here"), name });
  const isSure = await decide({ title: "New run", testid: "run-dialog", confirm: "Run", isWide: true, content: dialog.nodes(), argv: () => dialog.argv(), onOpen: (parts) => dialog.opened(parts), check: () => dialog.isFine() });
  if (!isSure) return null;
  keep("run-place", dialog.wantedPlace);
  const argv = dialog.argv(), count = dialog.found.count;
  if (dialog.place() !== "queue") return act(argv);
  return act(argv, { done: `Queued ${count} run${count === 1 ? "" : "s"}`, undo: facts.workers ? null : { label: "Start a worker", argv: ["queue", "start"] } });
}

class RunDialog {
  constructor(facts, { baseline, changes, targets, place, name }) {
    this.facts = facts;
    this.baseline = baseline;
    this.wantedPlace = facts.has_git ? place : "here";
    this.dice = new Map(); // name of a param -> what was thrown, so that typing elsewhere changes nothing
    this.random = false;
    const rows = facts.params.map((param) => ({ ...param, typed: baseline && param.baseline !== null && param.baseline !== param.text ? param.baseline : param.text }));
    const known = new Map(rows.map((row) => [row.name, row]));
    for (const [key, text] of Object.entries(changes)) {
      if (known.has(key)) known.get(key).typed = String(text);
      else rows.push({ name: key, text: null, type: "new", baseline: null, typed: String(text) });
    }
    this.rows = rows;
    this.initial = { targets: targets.join(" "), words: targets, name };
    this.found = { rows: [], count: 1, overrides: [], isZip: false, errors: new Map() };
  }

  // --- parts
  nodes() {
    const { facts } = this;
    this.places = el("div", { class: "seg", role: "group", "aria-label": "Where it runs" }, ...PLACES.map(([key, symbol, label, title]) => el("button", { type: "button", title, "data-place": key, "data-testid": `run-${key}`, "aria-pressed": "false", onclick: () => { this.wantedPlace = key; this.update(); } }, icon(symbol), label)));
    this.ways = el("div", { class: "seg", role: "group", "aria-label": "Which combinations" }, ...[["grid", "Grid", "Every combination of the values"], ["random", "Random", "Values by chance"]].map(([key, label, title]) => el("button", { type: "button", title, "data-way": key, "data-testid": `sweep-${key}`, "aria-pressed": "false", onclick: () => { this.random = key === "random"; this.update(); } }, label)));
    this.number = el("input", { type: "number", min: "1", max: String(RANDOM_AT_MOST), value: "10", "aria-label": "Number of runs", "data-testid": "random-count" });
    this.draws = el("span", { class: "row draws" }, el("span", { class: "field" }, this.number), el("span", { class: "t2" }, "runs"), el("button", { type: "button", class: "btn btn-quiet", "data-testid": "draw-again", onclick: () => { this.dice.clear(); this.update(); } }, icon("redo"), "Draw again"));
    this.list = el("div", { class: "rd-params", role: "group", "aria-label": "Params", "data-testid": "run-params" }, ...this.rows.map((row) => this.row(row)));
    const filter = el("input", { placeholder: `Find one of ${this.rows.length} params`, "aria-label": "Find a param", "data-testid": "param-filter", autocomplete: "off", spellcheck: "false", oninput: () => this.filter(filter.value) });
    this.name = el("input", { value: this.initial.name, placeholder: "Two random words", "data-testid": "run-name", autocomplete: "off", spellcheck: "false" });
    this.targets = el("input", { value: this.initial.targets, placeholder: "All", "data-testid": "run-targets", autocomplete: "off", spellcheck: "false", list: "rd-stages" });
    this.nameLabel = el("span", {}, "Name");
    this.copies = el("input", { type: "checkbox", "data-testid": "copy-unseen" });
    this.unseen = this.unseenNote();
    this.lost = facts.has_git ? null : problemCard({ reason: "Without Git there are no experiments: the project runs here, with the params as they are.", hint: "`git init` makes them possible." });
    this.title = el("h3", { "data-testid": "run-count" }, "1 run");
    this.hint = el("span", { class: "t3 sm" });
    this.table = el("div", { class: "rd-runs", tabindex: "0", role: "region", "aria-label": "Runs" });
    return [el("div", { class: "rd" },
      el("div", { class: "rd-left" },
        el("div", { class: "row wrap" }, this.places, el("span", { class: "grow" }), this.ways, this.draws),
        this.baseline ? el("p", { class: "t2 sm" }, "Params of ", el("span", { class: "mono" }, this.baseline), ", code and data of the workspace.") : null,
        ...facts.problems.map(problemCard), this.lost,
        this.rows.length >= FILTER_FROM ? el("label", { class: "field" }, icon("search"), filter) : null,
        this.rows.length ? this.list : el("p", { class: "t2" }, "This project has no params."),
        facts.params_cut ? el("p", { class: "t3 sm" }, `${facts.params_cut} more are not shown; name them on the command line.`) : null,
        el("details", { class: "rd-help" }, el("summary", {}, "Several values"), el("dl", { class: "rd-examples" }, ...[["0.1, 0.2", "these two"], ["20..40 step 10", "20, 30, 40"], ["0..1 5", "five at equal distances"], ["1e-4..1e-1 log 4", "four at equal ratios"], ["1e-4..1e-1 log", "a range to draw from (Random)"], ["'a, b'", "quotes make it one text"]].flatMap(([text, meaning]) => [el("dt", { class: "mono" }, text), el("dd", { class: "t2" }, meaning)]))),
        el("div", { class: "rd-form" }, el("label", {}, this.nameLabel, el("span", { class: "field" }, this.name)), el("label", {}, el("span", {}, "Stages"), el("span", { class: "field" }, this.targets))),
        el("datalist", { id: "rd-stages" }, ...facts.stages.map((stage) => el("option", { value: stage }))),
        this.unseen),
      el("div", { class: "rd-right" }, el("div", { class: "row" }, this.title, this.hint), this.table))];
  }

  row(row) {
    const input = el(/\n/.test(`${row.typed}${row.text}`) ? "textarea" : "input", { rows: "3", "aria-label": row.name, "data-testid": `param-${row.name}`, autocomplete: "off", spellcheck: "false" });
    row.input = input;
    input.value = row.text ?? "";
    row.shown = input.value; // a field has lines and spaces of its own
    input.value = row.typed;
    row.said = el("span", { class: "sm t3 rd-said", "data-testid": `param-said-${row.name}` });
    row.back = el("button", { type: "button", class: "btn btn-quiet btn-icon", title: row.text === null ? "Leave it out" : `Back to ${row.text}`, "aria-label": `Back to the value of ${row.name}`, onclick: () => { input.value = row.text ?? ""; this.update(); input.focus(); } }, icon("undo"));
    row.note = el("div", { class: "sm rd-note", hidden: true });
    const [file, key] = row.name.includes(":") ? row.name.split(/:(.*)/s) : ["", row.name];
    row.node = el("div", { class: "rd-param" }, el("span", { class: "mono trunc", title: row.name }, file ? el("span", { class: "t3" }, `${file}:`) : null, key), el("span", { class: "field" }, input), row.said, row.back, row.note);
    return row.node;
  }

  unseenNote() {
    const { unseen, unseen_needed: needed, unseen_count: count } = this.facts;
    if (!count) return null;
    const shown = [...needed, ...unseen].slice(0, 6);
    return el("div", { class: "note note-warn", role: "status", "data-testid": "unseen" }, icon("warn"), el("div", { class: "grow" },
      el("div", { class: "medium" }, `${count} untracked file${count === 1 ? "" : "s"} will not be in the run${needed.length ? `, ${needed.length} of which stages need` : ""}`),
      el("div", { class: "mono sm rd-files" }, shown.join(", "), count > shown.length ? ` and ${count - shown.length} more` : ""),
      el("label", { class: "row sm" }, this.copies, count === 1 ? "Copy it into the run" : "Copy them into the run")));
  }

  filter(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of this.rows) row.node.hidden = !words.every((word) => row.name.toLowerCase().includes(word));
  }

  opened({ refresh, dialog, go }) {
    Object.assign(this, { refresh, dialog, go });
    this.consequence = dialog.querySelector(".dialog-foot .grow");
    this.consequence.classList.add("t2", "sm");
    dialog.addEventListener("input", (event) => { if (event.target.dataset.testid !== "param-filter") this.update(); });
    dialog.addEventListener("change", () => this.update());
    this.update();
    (this.rows[0]?.input || this.go).focus();
    this.rows[0]?.input.select();
  }

  // --- what was asked for
  /** Params that are not as in the workspace. */
  changed() { return this.rows.filter((row) => row.input.value.trim() !== row.shown.trim()); }
  place() { return this.found.count > 1 ? "queue" : this.wantedPlace; }
  random0(name, index) {
    if (!this.dice.has(name)) this.dice.set(name, []);
    const thrown = this.dice.get(name);
    while (thrown.length <= index) thrown.push(Math.random());
    return thrown[index];
  }
  /** Stages: a name that was given or chosen is one word, whatever spaces it has. */
  words() {
    const text = this.targets.value.trim();
    return (text === this.initial.targets ? this.initial.words : this.facts.stages.includes(text) ? [text] : text.split(/\s+/).filter(Boolean)).map(pathWord);
  }
  argv() {
    const place = this.place(), words = this.words();
    if (!this.facts.has_git) return ["repro", ...words];
    const argv = ["exp", "run"];
    if (place === "queue") argv.push("--queue");
    if (place === "temp") argv.push("--temp");
    if (this.found.isZip) argv.push("--zip");
    if (this.name.value.trim()) argv.push("-n", this.name.value.trim());
    for (const text of this.found.overrides) argv.push("-S", text);
    if (this.copies.checked && place !== "here") for (const path of [...this.facts.unseen_needed, ...this.facts.unseen]) argv.push(...optionWords("-C", path));
    return [...argv, ...words];
  }
  isFine() {
    this.update();
    const bad = [...this.found.errors.keys()][0];
    if (bad) this.rows.find((row) => row.name === bad).input.focus();
    else if (this.nameProblem()) this.name.focus();
    return !bad && !this.nameProblem();
  }
  nameProblem() { const name = this.name.value.trim(); return name && !NAME.test(name) ? "A name has letters, digits and . _ + @ -" : ""; }

  // --- drawing
  update() {
    const rows = this.changed().map((row) => ({ name: row.name, text: row.input.value }));
    const number = Math.min(Math.max(Math.floor(Number(this.number.value)) || 1, 1), RANDOM_AT_MOST);
    const random = this.random && rows.length ? { count: number, dice: (name, index) => this.random0(name, index) } : null;
    this.found = runsOf(rows, random, RUNS_SHOWN);
    const isSweep = rows.some((row) => /,|\.\.|^(range|choice)\(/.test(row.text));
    this.ways.hidden = !this.facts.has_git || !(isSweep || this.random);
    this.draws.hidden = !this.random;
    for (const button of this.ways.children) button.setAttribute("aria-pressed", String((button.dataset.way === "random") === this.random));
    for (const row of this.rows) this.tell(row);
    const place = this.place(), isMany = this.found.count > 1;
    for (const button of this.places.children) {
      button.setAttribute("aria-pressed", String(button.dataset.place === place));
      button.disabled = (isMany && button.dataset.place !== "queue") || (!this.facts.has_git && button.dataset.place !== "here");
    }
    this.nameLabel.textContent = isMany ? "Name prefix" : "Name";
    if (this.unseen) this.unseen.hidden = place === "here";
    this.preview(rows);
    const bad = this.found.errors.size > 0 || this.nameProblem();
    const count = this.found.count;
    this.go.replaceChildren(icon(place === "queue" ? "queue" : "play"), place === "queue" ? `Queue ${count} run${count === 1 ? "" : "s"}` : "Run");
    this.go.disabled = Boolean(bad);
    this.consequence.textContent = this.nameProblem() || (this.found.errors.size ? "A value is not understood" : this.outlook(place, count));
    this.refresh();
  }
  tell(row) {
    const isChanged = row.input.value.trim() !== row.shown.trim(), error = this.found.errors.get(row.name);
    row.node.classList.toggle("is-changed", isChanged);
    row.back.hidden = !isChanged;
    row.input.setAttribute("aria-invalid", String(Boolean(error)));
    const column = this.found.overrides.findIndex((text) => text.startsWith(`${row.name}=`));
    const values = column < 0 ? [] : [...new Set(this.found.rows.map((made) => made[column]))];
    row.said.textContent = error ? "" : values.length > 1 ? `${values.length}${this.found.rows.length < this.found.count ? "+" : ""} values` : isChanged && row.text !== null ? `was ${row.text}` : row.type;
    const shown = values.slice(0, 8).join(", ") + (values.length > 8 ? ", …" : "");
    const isOdd = !error && values.some((value) => (row.type === "number" ? Number.isNaN(Number(value)) : row.type === "true or false" && !["true", "false"].includes(value.toLowerCase())));
    row.note.hidden = !error && !isOdd && (this.random || values.length < 2 || shown === row.input.value.trim().replace(/\s*,\s*/g, ", "));
    row.note.className = `sm rd-note ${error ? "is-bad" : isOdd ? "is-warn" : "t2 mono"}`;
    row.note.textContent = error || (isOdd ? `this becomes a text, where it is ${row.type === "number" ? "a number" : row.type} now` : shown);
  }
  preview(rows) {
    const { count, rows: made, errors } = this.found;
    this.title.textContent = errors.size ? "–" : `${count} run${count === 1 ? "" : "s"}`;
    this.hint.textContent = count > made.length ? `the first ${made.length} are shown` : "";
    if (!rows.length) { this.table.replaceChildren(el("p", { class: "t2 sm rd-none" }, "Params as they are in the workspace. Type other values, or several, at the left.")); return; }
    const heads = rows.map((row) => row.name.split(/[.:]/).at(-1));
    this.table.replaceChildren(el("table", { class: "tbl", "data-density": "compact", "data-testid": "run-preview" }, el("thead", {}, el("tr", {}, el("th", { class: "num" }, "#"), ...heads.map((head, index) => el("th", { class: "num", title: rows[index].name }, head)))),
      el("tbody", {}, ...made.map((values, index) => el("tr", {}, el("td", { class: "num t3" }, String(index + 1)), ...values.map((value) => el("td", { class: "num mono" }, value)))))));
  }
  outlook(place, count) {
    const { usual_s: usual, workers, waiting } = this.facts;
    if (place !== "queue") return place === "here" ? "The workspace has the results then" : "The workspace stays as it is";
    const about = usual ? `About ${duration(usual * Math.ceil((count + waiting) / Math.max(workers, 1)))} with ${Math.max(workers, 1)} worker${workers > 1 ? "s" : ""}` : "";
    const parts = [about, waiting ? `after the ${waiting} waiting` : "", workers ? "" : "no worker is started"].filter(Boolean);
    return parts.join(", ");
  }
}

function duration(seconds) { return seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`; }
