// What the cells of the experiments table show. Everything from the repository becomes text nodes, never HTML.
import { el, icon } from "../launcher/frame.js";
import { betterOf, collapsed, experimentOf, groupKey, identityOf, isFlat, table, WORKSPACE } from "./tabledata.js";
import { grouped, isSize, numberText, signed } from "./tablenumbers.js";
import { picked, view } from "./tableview.js";

const TINTS = [0, 0.15, 0.5]; // parts of a column's spread from which on a cell gets the next tint
const MISSING = "–";
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const STATES = { running: ["Running", "run", "is-run"], queued: ["Queued", "clock", ""], failed: ["Failed", "fail", "is-bad"], stopped: ["Stopped", "stop", "is-warn"], stuck: ["Stuck?", "warn", "is-warn"], done: ["Done", "done", "is-ok"] };
const nothing = { text: "" };
let hooks = null; // {pick, fold, setBase, menu, problems, logOf, detailsOf}
export function setHooks(given) { hooks = given; }

export function cell(item, column) {
  if (column.id === "pick") return pickCell(item);
  if (column.id === "name") return nameCell(item);
  if (item.n < 0) return nothing;
  return column.kind === "meta" ? metaCell(item.n, column) : valueCell(item.n, column);
}

// --- fixed columns
export function checkbox(on, some, label) {
  return el("span", { class: `cb ${on ? "is-on" : some ? "is-some" : ""}`, role: "checkbox", "aria-checked": some ? "mixed" : String(on), "aria-label": label, tabindex: "-1" }, on ? icon("check", "i-sm") : null);
}

function pickCell({ id, n }) {
  if (n < 0) return nothing;
  const on = picked.has(id);
  const label = id === WORKSPACE ? "Select the workspace" : `Select ${nameOf(n)}`;
  return { sign: `pick${on}`, shape: `pick${on}`, fill: (box) => box.setAttribute("aria-label", label), make: () => {
    const box = checkbox(on, false, label);
    box.dataset.testid = "pick";
    box.addEventListener("click", (event) => { event.stopPropagation(); hooks.pick(itemOf(box).id, event.shiftKey); });
    return box;
  } };
}

/** How a row is called: an experiment's name, else the beginning of the commit's id. */
export const nameOf = (row) => experimentOf(row)?.name ?? (row === 0 && table.data.rows.id[0] === WORKSPACE ? WORKSPACE : table.data.rows.sha[row].slice(0, 7));
export const stateOf = (made) => (made.state === "running" && made.silent ? "stuck" : made.state);

function nameCell(item) {
  const { id, n } = item;
  if (n < 0) return groupCell(-1 - n, id);
  if (id === WORKSPACE) return workspaceCell();
  return experimentOf(n) ? experimentCell(item) : commitCell(item);
}

/** The row that something stands in now: elements go from row to row. */
const itemOf = (node) => node.closest(".g-row").item;
const dotsLabel = (name) => `Actions for ${name}`;
function dots(name) {
  const button = el("button", { type: "button", class: "dots", tabindex: "-1", title: "What can be done with it  m", "aria-label": dotsLabel(name), "aria-haspopup": "menu", "data-testid": "row-menu" }, "⋯");
  button.addEventListener("click", (event) => { event.stopPropagation(); hooks.menu(itemOf(button).id, button.getBoundingClientRect()); });
  return button;
}

export const tagsOf = (row) => table.data.rows.notes[row]?.tags || [];
function marks(row) {
  const known = table.data.rows.notes[row];
  if (!known) return [];
  return [...(known.note ? [el("span", { class: "t3 noted", title: known.note, "data-testid": "noted" }, icon("edit", "i-sm"), el("span", { class: "vh" }, "has a note"))] : []),
    ...known.tags.map((tag) => el("span", { class: "tag name-tag", "data-testid": "own-tag", title: `tag ${tag}` }, el("span", { class: "trunc" }, tag)))];
}

function errorMark(word, title, problems, testid) {
  const button = el("button", { type: "button", class: "state is-bad mark", tabindex: "-1", "data-testid": testid, title: problems.map((problem) => `${problem.where}: ${problem.reason}`).join("\n") }, icon("fail"), el("span", { class: "trunc" }, word));
  button.addEventListener("click", (event) => { event.stopPropagation(); hooks.problems(title, problems); });
  return button;
}
const asProblems = (errors) => errors.map((error) => ({ where: error.file, reason: error.msg }));

const subjectTitle = (subject) => `${subject}\nClick to make it the baseline`;
function commitCell({ id, n }) {
  const { rows, groups } = table.data;
  const errors = rows.errors[n];
  const names = (rows.names[n] || []).filter(([kind, name]) => !(kind === "branch" && !isFlat() && groups[rows.group[n]].name === name)); // the row above says so
  const count = isFlat() ? 0 : childrenOf(n);
  const isOpen = !collapsed.has(id);
  const isBase = n === table.base;
  const isPlain = !count && !errors && !names.length && !isBase && !rows.notes[n];
  return { shape: isPlain ? "commit" : "", fill: ({ children: [, hash, subject, , button] }) => {
    hash.firstChild.data = rows.sha[n].slice(0, 7);
    subject.firstChild.data = rows.subject[n] || "(no message)";
    subject.title = subjectTitle(rows.subject[n]);
    button.setAttribute("aria-label", dotsLabel(id.slice(0, 7)));
  }, sign: ["c", isBase, isOpen, count, rows.subject[n], JSON.stringify(errors), JSON.stringify(names), JSON.stringify(rows.notes[n])].join("\0"), make: () => {
    const toggle = count ? el("button", { type: "button", class: "tw", tabindex: "-1", "aria-expanded": String(isOpen), "aria-label": `${isOpen ? "Fold" : "Unfold"} ${id.slice(0, 7)}, ${count} experiments`, "data-testid": "fold", onclick: (event) => { event.stopPropagation(); hooks.fold(id); } }, icon(isOpen ? "chev-d" : "chev-r")) : el("span", { class: "tw-room" });
    const subject = el("span", { class: "cm trunc", title: subjectTitle(rows.subject[n]) }, rows.subject[n] || "(no message)");
    return el("span", { class: "nmw" }, toggle, el("span", { class: "hash" }, rows.sha[n].slice(0, 7)), subject, el("span", { class: "grow" }),
      errors ? errorMark(errors[0].file || "Not readable", `Commit ${id.slice(0, 7)}`, asProblems(errors), "row-error") : null,
      isBase ? el("span", { class: "tag tag-base", "data-testid": "baseline" }, "Baseline") : null,
      ...marks(n), ...names.map(([kind, name]) => el("span", { class: "tag name-tag", title: `${kind} ${name}` }, icon(kind === "tag" ? "tag" : "branch", "i-sm"), el("span", { class: "trunc" }, name))),
      count && !isOpen ? el("span", { class: "t3 sm nowrap" }, `${count} inside`) : null, dots(id.slice(0, 7)));
  } };
}

let children = { rows: null, counts: new Map() };
function childrenOf(row) {
  if (children.rows !== table.rows) {
    children = { rows: table.rows, counts: new Map() };
    for (const one of table.rows) { const parent = table.data.rows.parent[one]; if (parent >= 0) children.counts.set(parent, (children.counts.get(parent) || 0) + 1); }
  }
  return children.counts.get(row) || 0;
}

const nameTitle = (name) => `${name}\nOpen its page`;
function experimentCell({ id, n, isInside }) {
  const made = experimentOf(n);
  const { rows } = table.data;
  const errors = rows.errors[n];
  const isBase = n === table.base;
  const from = isInside || isFlat() ? "" : made.baseline.slice(0, 7);
  const hash = made.state === "done" && !from ? rows.sha[n].slice(0, 7) : "";
  const href = hooks.detailsOf(n);
  const indent = isInside ? " in2" : isFlat() ? "" : " in1";
  const swatch = `sw s-${(made.series - 1) % 12 + 1}${made.state === "queued" ? " hollow" : ""}`;
  const isPlain = href && hash && !errors && !isBase && !rows.notes[n];
  return { shape: isPlain ? `experiment${indent}` : "", fill: ({ children: [colour, name, short, , button] }) => {
    if (colour.className !== swatch) colour.className = swatch;
    name.href = href;
    name.title = nameTitle(made.name);
    name.firstChild.data = made.name;
    short.firstChild.data = hash;
    button.setAttribute("aria-label", dotsLabel(made.name));
  }, sign: ["e", isBase, isInside, from, made.name, stateOf(made), made.done, made.planned, made.stage, made.reason, made.run, JSON.stringify(errors), JSON.stringify(rows.notes[n])].join("\0"), make: () => {
    const name = href ? el("a", { class: "ex trunc", href, tabindex: "-1", title: nameTitle(made.name), "data-testid": "experiment" }, made.name) : el("span", { class: "ex trunc", title: made.name, "data-testid": "experiment" }, made.name);
    return el("span", { class: `nmw${indent}` }, el("span", { class: swatch }), name, hash ? el("span", { class: "hash" }, hash) : null,
      from ? el("span", { class: "t3 sm started", title: `started from ${made.baseline}` }, el("span", { class: "nowrap" }, `from ${from}`)) : null,
      el("span", { class: "grow" }), errors ? errorMark(errors[0].file || "Not readable", made.name, asProblems(errors), "row-error") : null,
      isBase ? el("span", { class: "tag tag-base", "data-testid": "baseline" }, "Baseline") : null, ...marks(n), ...stateNodes(n, made), dots(made.name));
  } };
}

/** State as icon, word and colour; done is the normal case and says nothing. */
function stateNodes(n, made) {
  const name = stateOf(made);
  if (name === "done") return [];
  const [word, symbol, look] = STATES[name] || STATES.done;
  const title = { failed: made.reason, stopped: made.reason, running: made.stage ? `runs '${made.stage}'` : "", stuck: "its process lives and has not said so for a while" }[name] || "";
  const nodes = [el("span", { class: `state ${look}`, title, "data-testid": "state" }, icon(symbol, name === "running" ? "spin" : ""), word)];
  if (name === "running" && made.planned) {
    const fill = el("i");
    fill.style.setProperty("--v", `${Math.round(100 * (made.done || 0) / made.planned)}%`);
    nodes.push(el("span", { class: "bar prog", "aria-hidden": "true" }, fill), el("span", { class: "t3 sm nowrap", title: "stages" }, `${made.done || 0}/${made.planned}`));
  }
  const log = hooks.logOf(n);
  if (name !== "queued" && log) nodes.push(el("a", { class: "sm", href: log, tabindex: "-1", "data-testid": "log-link", title: made.reason || "What it writes" }, "Log"));
  return nodes;
}

function groupCell(group, id) {
  const { kind, name, count, experiments } = table.data.groups[group];
  const isOpen = !collapsed.has(groupKey(group));
  const [commits, runs] = table.inGroup[group];
  const part = (shown, all, word) => (all && (shown || !table.matches) ? `${shown === all ? "" : `${grouped(shown)} of `}${grouped(all)} ${word}${all === 1 ? "" : "s"}` : "");
  const words = [part(commits, count, "commit"), part(runs, experiments, "experiment")].filter(Boolean).join(", ") + (kind === "head" ? ", not on a branch" : "") || (count || experiments ? "" : "no commits of its own");
  return { sign: `g\0${isOpen}\0${name}\0${words}`, make: () => {
    const toggle = !count && !experiments ? el("span", { class: "tw-room" }) : el("button", { type: "button", class: "tw", tabindex: "-1", "aria-expanded": String(isOpen), "aria-label": `${isOpen ? "Fold" : "Unfold"} ${name}`, "data-testid": "fold", onclick: (event) => { event.stopPropagation(); hooks.fold(id); } }, icon(isOpen ? "chev-d" : "chev-r"));
    return el("span", { class: "nmw" }, toggle, icon(kind === "tag" ? "tag" : kind === "branch" ? "branch" : "commit", "t3"), el("span", { class: "strong trunc", title: name }, name), el("span", { class: "t3 trunc words", title: words }, words));
  } };
}

function workspaceCell() {
  const { rows, changed } = table.data;
  const errors = rows.errors[0];
  let words = "", title = "";
  if (!errors) {
    const kinds = Object.entries({ metric: changed.metrics, param: changed.params, model: changed.models, out: changed.data }).filter(([, count]) => count).map(([word, count]) => `${count} ${word}${count === 1 ? "" : "s"}`);
    title = kinds.join(", ");
    words = kinds.length > 1 ? `${Object.values(changed).reduce((sum, count) => sum + count)} values` : title;
  }
  const isBase = table.base === 0;
  return { sign: `w\0${title}\0${isBase}\0${JSON.stringify(errors)}`, make: () => el("span", { class: "nmw" }, el("span", { class: "strong" }, "Workspace"),
    errors ? errorMark(errors[0].file || "Not readable", "Workspace", asProblems(errors), "row-error") : words ? el("span", { class: "state is-warn ws-changed", title: `${title} changed` }, icon("change"), el("span", { class: "trunc" }, `${words} changed`)) : null,
    isBase ? el("span", { class: "tag tag-base", "data-testid": "baseline" }, "Baseline") : null, el("span", { class: "grow" }), dots("the workspace")) };
}

// --- values
function metaCell(row, column) {
  const made = experimentOf(row);
  const key = column.id.slice(5);
  if (key === "created") return created(row);
  if (key === "time") return made?.state === "running" && made.started ? { text: duration(Date.now() / 1000 - made.started), cls: "num" } : column.values[row] === null ? { text: MISSING, cls: "num nil" } : { text: duration(column.values[row]), title: `${column.values[row]} s`, cls: "num" };
  if (key === "trend") return trendCell(row);
  if (key === "state") return made ? { text: STATES[stateOf(made)][0], title: made.reason || "", cls: `st ${STATES[stateOf(made)][2]}` } : { text: MISSING, cls: "nil" };
  const value = column.values[row];
  return value ? { text: value, title: value, cls: "t2" } : { text: row === 0 && key !== "note" ? "" : MISSING, cls: "nil" };
}

/** 2m 06s */
export function duration(seconds) {
  if (seconds < 60) return `${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes}m ${String(Math.floor(seconds % 60)).padStart(2, "0")}s` : `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, "0")}m`;
}

function created(row) {
  const seconds = table.data.rows.time[row];
  if (!seconds) return table.data.rows.id[row] === WORKSPACE ? { text: "now", cls: "t2" } : { text: MISSING, cls: "nil" };
  const at = new Date(seconds * 1000), now = new Date();
  if (Number.isNaN(at.getTime())) return { text: MISSING, cls: "nil" };
  const day = MONTHS[at.getMonth()];
  const text = at.toDateString() === now.toDateString() ? at.toTimeString().slice(0, 5) : `${at.getDate()} ${day}${at.getFullYear() === now.getFullYear() ? "" : ` ${at.getFullYear()}`}`;
  return { text, title: `${at.getDate()} ${day} ${at.getFullYear()}, ${at.toTimeString().slice(0, 8)}`, cls: "t2" };
}

function trendCell(row) {
  const values = table.trend.get(table.data.rows.id[row]) || [];
  if (values.length < 2) return { text: MISSING, cls: "nil" };
  return { sign: `t${values.length}${values.at(-1)}`, text: "", make: () => {
    const low = Math.min(...values), high = Math.max(...values);
    const points = values.map((value, at) => `${(68 * at / (values.length - 1)).toFixed(1)},${(15 - 12 * (high > low ? (value - low) / (high - low) : 0.5)).toFixed(1)}`).join(" ");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", `spark s-${(experimentOf(row).series - 1) % 12 + 1}`);
    svg.setAttribute("viewBox", "0 0 68 18");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `from ${values[0]} to ${values.at(-1)}`);
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    line.setAttribute("points", points);
    svg.append(line);
    return svg;
  } };
}

function valueCell(row, column) {
  if (column.errors[row] !== undefined) return { sign: `x${column.errors[row]}`, text: "error", make: () => errorMark("error", column.file, [{ where: column.file, reason: column.errors[row] }], "cell-error") };
  const value = column.values[row];
  const right = column.isNumeric || isSize(column) ? "num" : "";
  if (value === null) return { text: MISSING, cls: `nil ${right}` };
  const base = table.base;
  const isOther = base >= 0 && row !== base;
  const isNumber = typeof value === "number" && typeof column.base === "number";
  const classes = [right];
  if (isOther && isNumber && column.kind === "metrics" && value !== column.base) {
    const part = column.spread ? Math.abs(value - column.base) / column.spread : 0;
    const step = TINTS.filter((limit) => part > limit).length;
    if (step) classes.push(`${(value > column.base) === (betterOf(column) === "higher") ? "u" : "d"}${step}`);
  }
  const isChanged = isOther && column.kind !== "metrics" && identityOf(column, row) !== identityOf(column, base);
  if (isChanged) classes.push("chg");
  const isBest = column.best !== null && value === column.best;
  if (isBest) classes.push("best");
  if (view.bars && isNumber && column.spread > 0) classes.push(`w${Math.round(10 * (value - column.low) / column.spread)}`);
  const text = view.delta && isOther && isNumber ? signed(column, value - column.base) : numberText(column, value);
  const title = () => {
    const full = column.hash ? `${grouped(value)} bytes${column.nfiles[row] ? `, ${column.nfiles[row]} files` : ""}\n${column.hash[row] >= 0 ? column.hashes[column.hash[row]] : "no hash"}` : String(value);
    const step = column.steps && column.steps[row] !== null ? `\nat step ${column.steps[row]}` : "";
    const delta = isOther && isNumber ? `\n${signed(column, value - column.base)} to the baseline` : "";
    return `${full}${step}${delta}${isChanged ? "\nchanged against the baseline" : ""}`;
  };
  const cls = classes.join(" ");
  return isBest ? { text, title, cls, sign: `${cls}\0${text}`, make: () => el("span", { class: "v" }, text) } : { text, title, cls };
}
