// The commits table. Rows, order and filters are decided here; Tabulator draws those that are in sight.
// Everything from the repository becomes text nodes, never HTML.
import { chosen, copy, el, icon, keep, onChange, problemCard, ready } from "../launcher/frame.js";
import { readAddress, writeAddress } from "./tableaddress.js";
import { csvText } from "./tablecsv.js";
import { decimalsOf, grouped, numberText, signed } from "./tablenumbers.js";

const byId = (id) => document.getElementById(id);
const { table: TABLE_URL, select: SELECT_URL, compare: COMPARE_URL } = byId("page-data").dataset;
const HAS_GIT = !("noGit" in byId("page-data").dataset);
const KIND_ICONS = { metrics: "metric", params: "param", data: "data" };
const KIND_NAMES = { metrics: "Metrics", params: "Params", data: "Data" };
const TINTS = [0, 0.15, 0.5]; // parts of a column's spread from which on a cell gets the next tint
const FILTER_WAIT_MS = 150;
const AGAIN_MS = 200;
const MAX_COMPARED = 20;
const MISSING = "–";
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

let order = chosen("experiments.order", []); // ids of columns; others come after them
const widths = chosen("experiments.widths", {}); // id -> pixels
let data = null; // the answer of experiments.json
let etag = null;
let table = null;
let columns = []; // of data, with what drawing needs
let matches = null; // Set of ids that the query finds; null without a query
let shown = []; // row numbers, in order; groups are -1 - position
let cursor = null; // id of the row the keyboard is on
let lastPicked = null;
const picked = new Set(); // ids
const collapsed = new Set(); // group names
const state = { q: "", sort: [], only: false, delta: false, base: "", hide: new Set(), lower: new Set(), higher: new Set(), density: "compact" };

// --- data
async function load() {
  const query = new URLSearchParams(location.search);
  const branch = query.get("branch") ? `?branch=${encodeURIComponent(query.get("branch"))}` : "";
  let answer;
  try {
    // the first time as the page's preload asked for it, so that the answer is on its way already
    answer = await fetch(TABLE_URL + branch, etag ? { cache: "no-store", headers: { "If-None-Match": etag } } : {});
  } catch { throw new Error("The server does not answer. Run `dataver ui` again."); }
  if (answer.status === 304) return false;
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error ? value.error.msg : `the server answered ${answer.status}`);
  etag = answer.headers.get("ETag");
  data = value;
  prepare();
  if (data.waiting) { byId("progress").textContent = `${grouped(data.waiting)} commits still to be read`; setTimeout(refresh, AGAIN_MS); }
  else byId("progress").textContent = data.hidden_columns ? `${data.hidden_columns} columns are too many to show` : "";
  return true;
}

function prepare() {
  const differing = new Map(columns.map((column) => [column.id, column.differs]));
  const errors = new Map(data.file_errors.map((entry) => [`${entry.kind}:${entry.file}`, entry.rows]));
  columns = data.columns.map((column) => {
    const numbers = column.values.filter((value) => typeof value === "number");
    const isNumeric = numbers.length > 0 && numbers.length === column.values.filter((value) => value !== null).length;
    return { ...column, isNumeric, differs: differing.get(column.id), errors: errors.get(`${column.kind}:${column.file}`) || {}, decimals: column.kind === "metrics" && isNumeric ? decimalsOf(numbers) : null };
  });
  putInOrder();
  data.index = new Map(data.rows.sha.map((sha, number) => [sha, number]));
  for (const sha of [...picked]) { // an address holds short ids
    if (data.index.has(sha)) continue;
    const full = data.rows.sha.find((known) => known.startsWith(sha));
    picked.delete(sha);
    if (full && sha.length >= 7) picked.add(full);
  }
}

/** Columns of a kind stay together; in it they are as the reader put them. */
function putInOrder() {
  const kinds = Object.keys(KIND_NAMES);
  const natural = new Map(data.columns.map((column, at) => [column.id, at]));
  const place = (column) => { const at = order.indexOf(column.id); return at < 0 ? order.length + natural.get(column.id) : at; };
  columns.sort((one, other) => kinds.indexOf(one.kind) - kinds.indexOf(other.kind) || place(one) - place(other));
}

/** Put a column before or after another of its kind. */
function moveColumn(id, target, isAfter) {
  const moved = columns.find((column) => column.id === id), goal = columns.find((column) => column.id === target);
  if (!moved || !goal || moved === goal || moved.kind !== goal.kind) return;
  const others = columns.filter((column) => column !== moved);
  others.splice(others.indexOf(goal) + (isAfter ? 1 : 0), 0, moved);
  order = others.map((column) => column.id);
  keep("experiments.order", order);
  columns = others;
  draw();
}

/** The next shown column of the same kind. */
function neighbour(id, step) {
  const kind = columns.find((column) => column.id === id).kind;
  const inKind = columns.filter((column) => column.kind === kind && !isHidden(column));
  return inKind[inKind.findIndex((column) => column.id === id) + step];
}

const betterOf = (column) => (state.lower.has(column.id) ? "lower" : state.higher.has(column.id) ? "higher" : column.better);
function findBase() {
  if (data.index.has(state.base)) return data.index.get(state.base);
  const short = state.base.length >= 7 ? data.rows.sha.findIndex((sha) => sha.startsWith(state.base)) : -1;
  if (short >= 0) return short;
  return data.index.has(data.head) ? data.index.get(data.head) : -1;
}
let baseline = -1; // number of the baseline's row, -1 without one; set by `measure`
const baseRow = () => baseline;
const identityOf = (column, row) => (column.hash ? column.hash[row] : column.values[row]);

// --- which rows, in which order
let inGroup = []; // how many rows of each group are shown
function arrange() {
  inGroup = data.groups.map(() => 0);
  const total = data.rows.sha.length;
  const wanted = [];
  for (let row = 0; row < total; row += 1) {
    if (row === 0 && data.rows.sha[0] === "workspace") continue; // pinned
    if (!matches || matches.has(data.rows.sha[row])) wanted.push(row);
  }
  if (state.sort.length) shown = sorted(wanted);
  else {
    shown = [];
    let group = null;
    for (const row of wanted) {
      inGroup[data.rows.group[row]] += 1;
      if (data.rows.group[row] !== group) { group = data.rows.group[row]; shown.push(-1 - group); }
      if (!collapsed.has(groupKey(group))) shown.push(row);
    }
  }
  const visible = wanted.length;
  const all = total - (data.rows.sha[0] === "workspace" ? 1 : 0);
  byId("count").textContent = matches ? `${grouped(visible)} of ${grouped(all)} commits` : `${grouped(all)} commit${all === 1 ? "" : "s"}`;
  return wanted;
}

const groupKey = (group) => `${data.groups[group].kind}:${data.groups[group].name}`;

function sorted(rows) {
  const keys = state.sort.map((item) => ({ value: accessor(item.id), sign: item.down ? -1 : 1 })).filter((key) => key.value);
  return [...rows].sort((a, b) => {
    for (const { value, sign } of keys) {
      const left = value(a), right = value(b);
      const noLeft = left === null || left === undefined, noRight = right === null || right === undefined;
      if (noLeft || noRight) { if (noLeft !== noRight) return noLeft ? 1 : -1; continue; } // missing values are last, whatever the direction
      const order = typeof left === "number" && typeof right === "number" ? left - right : String(left).localeCompare(String(right), "en", { numeric: true });
      if (order) return order * sign;
    }
    return a - b;
  });
}

function accessor(id) {
  if (id === "commit") return (row) => data.rows.subject[row].toLowerCase();
  if (id === "created") return (row) => data.rows.time[row];
  if (id === "author") return (row) => data.rows.author[row].toLowerCase();
  const column = columns.find((known) => known.id === id);
  return column ? (row) => column.values[row] : null;
}

function sortBy(id, add) {
  const known = state.sort.find((item) => item.id === id);
  const column = columns.find((item) => item.id === id);
  const first = id === "created" || (column && betterOf(column) === "higher"); // the best, the newest
  let next = { id, down: Boolean(first) };
  if (known) next = known.down === Boolean(first) ? { id, down: !first } : null; // best, worst, none
  const others = add ? state.sort.filter((item) => item.id !== id) : [];
  state.sort = add && known && next ? state.sort.map((item) => (item.id === id ? next : item)) : next ? [...others, next] : others;
  writeAddress(state, picked);
  draw();
}

// --- what only the shown rows decide
/** keepsColumns: what arrives by itself hides and shows no column that was there before. */
function measure(rows, keepsColumns = false) {
  const base = baseline = findBase();
  const all = data.rows.sha[0] === "workspace" ? [0, ...rows] : rows;
  for (const column of columns) {
    let first, low = Infinity, high = -Infinity;
    let differs = false;
    all.forEach((row, position) => {
      const value = identityOf(column, row);
      if (position === 0) first = value; else if (value !== first) differs = true;
      if (typeof column.values[row] === "number") { low = Math.min(low, column.values[row]); high = Math.max(high, column.values[row]); }
      if (column.errors[row] !== undefined) differs = true;
    });
    if (!keepsColumns) column.differs = differs; else if (column.differs === undefined) column.differs = true;
    const better = column.kind === "metrics" ? betterOf(column) : "";
    column.spread = high - low;
    column.best = better && high > low ? (better === "higher" ? high : low) : null;
    column.base = base >= 0 ? column.values[base] : null;
  }
}

const isHidden = (column) => state.hide.has(column.id) || (state.only && !column.differs);

// --- drawing
function draw(keepsPlace = false) {
  const rows = arrange();
  measure(rows, keepsPlace);
  const message = emptyMessage(rows);
  byId("message").hidden = !message;
  byId("message").replaceChildren(...(message ? [message] : []));
  const signature = columns.filter((column) => !isHidden(column)).map((column) => column.id).join("\n") + state.density;
  const items = shown.map((number) => ({ id: number < 0 ? `g${number}` : data.rows.sha[number], n: number }));
  if (data.rows.sha[0] === "workspace") items.unshift({ id: "workspace", n: 0 });
  if (!table || signature !== table.signature) build(items, signature);
  else if (keepsPlace) table.replaceData(items).then(markHeaders); // draws twice
  else {
    const holder = document.querySelector("#table .tabulator-tableholder");
    const left = holder.scrollLeft;
    table.setData(items).then(() => { holder.scrollLeft = left; markHeaders(); });
  }
  const hiddenSame = columns.filter((column) => !state.hide.has(column.id) && !column.differs).length;
  byId("hidden-same").textContent = state.only && hiddenSame ? `${hiddenSame} hidden` : "";
  byId("column-count").textContent = String(columns.filter((column) => !isHidden(column)).length);
  toolbar();
  if (byId("chooser").open) chooser();
}

function emptyMessage(rows) {
  const clear = el("button", { type: "button", class: "btn", "data-testid": "clear-filter", onclick: () => { byId("search").value = ""; search(""); } }, "Clear the filter");
  if (matches && !rows.length) return el("div", { class: "empty-card" }, el("p", { class: "medium" }, "No commit matches"), el("p", { class: "t2" }, state.q), clear);
  if (!HAS_GIT && !columns.length) return el("div", { class: "empty-card" }, el("p", { class: "medium" }, "This project is not in Git"), el("p", { class: "t2" }, "History comes from commits. In the project's folder:"), command("git init"));
  if (data.rows.sha.length <= 1 && HAS_GIT && !data.waiting) return el("div", { class: "empty-card" }, el("p", { class: "medium" }, "No commit yet"), el("p", { class: "t2" }, "Each commit becomes a row here."), command("git commit"));
  if (!columns.length && !data.waiting) return el("div", { class: "empty-card" }, el("p", { class: "medium" }, "No metrics, params or data yet"), el("p", { class: "t2" }, "Stages say which files these are:"), command("dataver stage add"));
  return null;
}

const command = (text) => el("span", { class: "cmd" }, el("code", {}, text), el("button", { type: "button", class: "btn btn-quiet btn-icon", "data-copy": text, "aria-label": "Copy the command" }, icon("copy")));

/** Other columns are another table: that is faster than to change them one by one. The place is kept. */
function build(items, signature) {
  document.documentElement.dataset.density = state.density;
  const old = document.querySelector("#table .tabulator-tableholder");
  const at = old ? [old.scrollLeft, old.scrollTop] : [0, 0];
  if (table) table.destroy();
  headers.clear();
  table = new Tabulator("#table", {
    data: items,
    index: "id",
    columns: definitions(),
    layout: "fitData",
    height: "100%",
    rowHeight: state.density === "compact" ? 28 : 36,
    headerVisible: true,
    columnDefaults: { headerSort: false },
    columnHeaderVertAlign: "bottom",
    frozenRows: () => false, // pinFirst does it
    rowFormatter: paintRow,
    autoResize: true,
    placeholder: "",
    renderVerticalBuffer: 140,
    renderHorizontal: "virtual",
  });
  pinFirst(table);
  table.columnManager.verticalAlignHeaders = () => {}; // it measures every column in turn: 3 s for 500; ours align by CSS
  table.signature = signature;
  table.on("columnResized", (column) => {
    const id = column.getField()?.replace(/^v:/, "");
    if (!columns.some((known) => known.id === id)) return;
    widths[id] = Math.round(column.getWidth());
    keep("experiments.widths", widths);
  });
  table.on("tableBuilt", () => {
    tidyHeader();
    const holder = document.querySelector("#table .tabulator-tableholder");
    if (at[0] || at[1]) setTimeout(() => { holder.scrollLeft = at[0]; holder.scrollTop = at[1]; }, 0); // once the pinned row listens, too
    if (focusedHeader) { headers.get(focusedHeader)?.button.focus({ preventScroll: true }); focusedHeader = null; }
    if (document.body.dataset.ready !== "1") { ready(); showSelected(); }
  });
}

/** Tabulator draws the rows, then pins the workspace's, and draws all of them again: here it is pinned before. */
function pinFirst(made) {
  const { rowManager, modules } = made;
  const refresh = rowManager.refreshActiveData;
  let isPinning = false;
  rowManager.refreshActiveData = (handler, ...more) => {
    if (isPinning) return;
    const row = handler ? null : rowManager.rows.find((one) => one.getData().id === "workspace" && !one.modules.frozen);
    isPinning = true;
    try { if (row) modules.frozenRows.freezeRow(row); } finally { isPinning = false; }
    refresh.call(rowManager, handler, ...more);
  };
}

/** `?select=`: the row that another page points at, in sight and picked (`rows` does that). */
function showSelected() {
  const wanted = new URLSearchParams(location.search).get("select");
  if (!wanted || !data.index.has(wanted)) return;
  cursor = wanted;
  table.scrollToRow(wanted, "center", false).then(repaint, () => {});
}

/** Roles that browsers know: Tabulator gives groups of columns one that does not exist, and rows two bodies. */
function tidyHeader() {
  const grid = byId("table");
  for (const node of grid.querySelectorAll(".tabulator-col-group")) { node.setAttribute("role", "presentation"); node.removeAttribute("aria-sort"); }
  for (const node of grid.querySelectorAll("[aria-title]")) node.removeAttribute("aria-title");
  grid.setAttribute("aria-label", "Commits");
  grid.removeAttribute("aria-owns");
  const holder = grid.querySelector(".tabulator-tableholder");
  if (!holder) return;
  holder.setAttribute("role", "rowgroup");
  holder.firstElementChild.setAttribute("role", "presentation");
}

function definitions() {
  const narrow = matchMedia("(max-width: 1100px)").matches;
  const fixed = (title, field, width, formatter, more = {}) => ({ title, field, width, formatter, frozen: true, resizable: false, titleFormatter: () => headerNode(title, field), cssClass: `c-${field}`, ...more });
  const made = [
    { title: "", field: "pick", width: 36, frozen: true, resizable: false, cssClass: "c-pick", formatter: pickCell, titleFormatter: pickAll },
    fixed("Commit", "commit", narrow ? 288 : 332, nameCell),
    fixed("Created", "created", 100, (cell) => createdCell(cell.getRow().getData().n), { frozen: false }),
    fixed("Author", "author", narrow ? 96 : 120, (cell) => textCell(cell.getRow().getData().n, (row) => data.rows.author[row]), { frozen: false }),
  ];
  for (const kind of ["metrics", "params", "data"]) {
    const inKind = columns.filter((column) => column.kind === kind && !isHidden(column));
    if (!inKind.length) continue;
    const groups = [];
    for (const column of inKind) {
      if (!groups.length || groups.at(-1).name !== column.group) groups.push({ name: column.group, columns: [] });
      groups.at(-1).columns.push(column);
    }
    made.push({
      title: kind, cssClass: `kg k-${kind}`, titleFormatter: () => el("span", { class: "kind-title" }, icon(KIND_ICONS[kind]), KIND_NAMES[kind]),
      columns: groups.map((group, position) => ({
        title: group.name, cssClass: position ? "sub" : "sub gl", titleFormatter: () => el("span", { class: "t3 trunc", title: group.name }, group.name || "\u00a0"),
        columns: group.columns.map((column, at) => leaf(column, at === 0 && position === 0, group.columns.length === 1)),
      })),
    });
  }
  return made;
}

function leaf(column, isFirst, isAlone) {
  const right = column.isNumeric || column.kind === "data";
  return {
    title: column.label, field: `v:${column.id}`, width: widthOf(column, isAlone), hozAlign: right ? "right" : "left", headerHozAlign: right ? "right" : "left", cssClass: `${isFirst ? "gl " : ""}v-${column.kind}`,
    resizable: "header", titleFormatter: () => headerNode(column.label, column.id, column), formatter: (cell) => valueCell(cell, column),
  };
}

function widthOf(column, alone) {
  if (widths[column.id]) return widths[column.id];
  let longest = Math.max(column.label.length + 2, alone ? Math.min(20, column.group.length) : 0, Object.keys(column.errors).length ? 7 : 0);
  for (let row = 0; row < column.values.length; row += Math.ceil(column.values.length / 200)) longest = Math.max(longest, (column.kind === "data" ? 8 : String(numberText(column, column.values[row]) ?? "").length) + 1);
  return Math.min(240, Math.max(64, 26 + longest * 7));
}

function resetColumns() {
  order = [];
  for (const id of Object.keys(widths)) delete widths[id];
  keep("experiments.order", null);
  keep("experiments.widths", null);
  putInOrder();
  table.signature = ""; // widths are not part of it
  draw();
}

const headers = new Map(); // id -> {button, title, column}
function headerNode(title, id, column) {
  const button = el("button", { type: "button", class: "sort", "data-testid": `sort-${id}`, onclick: (event) => { event.stopPropagation(); sortBy(id, event.shiftKey); } });
  headers.set(id, { button, title, column });
  if (column) makeMovable(button, id);
  markHeader(id);
  return button;
}

/** Columns are dragged by their titles, or moved with Shift and an arrow key. */
function makeMovable(button, id) {
  button.draggable = true;
  const isAfter = (event) => { const box = button.getBoundingClientRect(); return event.clientX > box.x + box.width / 2; };
  const mark = (side) => { const head = button.closest(".tabulator-col"); head.classList.toggle("drop-before", side === "before"); head.classList.toggle("drop-after", side === "after"); };
  const fits = () => dragged && dragged !== id && columns.find((column) => column.id === dragged)?.kind === columns.find((column) => column.id === id)?.kind;
  button.addEventListener("dragstart", (event) => { dragged = id; event.dataTransfer.effectAllowed = "move"; event.dataTransfer.setData("text/plain", id); });
  button.addEventListener("dragend", () => { dragged = null; });
  button.addEventListener("dragover", (event) => { if (fits()) { event.preventDefault(); mark(isAfter(event) ? "after" : "before"); } });
  button.addEventListener("dragleave", () => mark(""));
  button.addEventListener("drop", (event) => { event.preventDefault(); mark(""); if (fits()) moveColumn(dragged, id, isAfter(event)); });
  button.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    const next = neighbour(id, step);
    if (!next) return;
    focusedHeader = id;
    moveColumn(id, next.id, step > 0);
  });
}
let dragged = null; // id of the column
let focusedHeader = null; // id; to have the focus again in the next table

function markHeader(id) {
  const { button, title, column } = headers.get(id);
  const at = state.sort.findIndex((item) => item.id === id);
  button.title = headerTitle(title, column);
  button.replaceChildren(el("span", { class: "trunc" }, title));
  if (at < 0) return;
  button.append(icon("sort-d", state.sort[at].down ? "i-sm" : "i-sm up-side"), state.sort.length > 1 ? el("span", { class: "t3 sm" }, String(at + 1)) : "", el("span", { class: "vh" }, state.sort[at].down ? "descending" : "ascending"));
}

const markHeaders = () => { for (const id of headers.keys()) markHeader(id); };

function headerTitle(title, column) {
  if (!column) return `Sort by ${title.toLowerCase()}; with Shift, sort by it, too`;
  const direction = column.kind === "metrics" ? `, ${betterOf(column)} is better` : "";
  return `${column.file}${column.key ? `: ${column.key}` : ""}${direction}\nDrag it, or Shift with an arrow key, to move the column`;
}

// --- cells
function paintRow(row) {
  const { n, id } = row.getData();
  const classes = row.getElement().classList;
  classes.toggle("group-row", n < 0);
  classes.toggle("ws", id === "workspace");
  classes.toggle("sel", picked.has(id));
  classes.toggle("base", n >= 0 && n === baseRow());
  classes.toggle("cursor", id === cursor);
  row.getElement().dataset.testid = n < 0 ? "group" : "row";
  row.getElement().dataset.sha = n < 0 ? "" : id;
  row.getElement().setAttribute("aria-selected", String(picked.has(id)));
}

function checkbox(on, some, label) {
  return el("span", { class: `cb ${on ? "is-on" : some ? "is-some" : ""}`, role: "checkbox", "aria-checked": some ? "mixed" : String(on), "aria-label": label, tabindex: "-1" }, icon("check", "i-sm"));
}

function pickCell(cell) {
  const { n, id } = cell.getRow().getData();
  if (n < 0) return el("span");
  const box = checkbox(picked.has(id), false, id === "workspace" ? "Select the workspace" : `Select ${id.slice(0, 7)}`);
  box.dataset.testid = "pick";
  box.addEventListener("click", (event) => { event.stopPropagation(); pick(id, event.shiftKey); });
  return box;
}

function pickAll() {
  const box = checkbox(false, picked.size > 0, "Select all shown rows");
  box.dataset.testid = "pick-all";
  box.addEventListener("click", () => {
    const ids = shown.filter((number) => number >= 0).map((number) => data.rows.sha[number]);
    if (picked.size) picked.clear(); else ids.forEach((id) => picked.add(id));
    selectionChanged();
  });
  return box;
}

function nameCell(cell) {
  const { n, id } = cell.getRow().getData();
  if (n < 0) return groupCell(-1 - n);
  if (id === "workspace") return workspaceCell();
  const parts = [el("span", { class: "hash" }, id.slice(0, 7)), el("span", { class: "cm trunc", title: data.rows.subject[n] }, data.rows.subject[n] || "(no message)")];
  const end = [];
  if (n === baseRow()) end.push(el("span", { class: "tag tag-base", "data-testid": "baseline" }, "Baseline"));
  for (const [kind, name] of data.rows.names[n] || []) {
    if (kind === "branch" && state.sort.length === 0 && data.groups[data.rows.group[n]].name === name) continue; // the row above says so
    end.push(el("span", { class: "tag name-tag", title: `${kind} ${name}` }, icon(kind === "tag" ? "tag" : "branch", "i-sm"), el("span", { class: "trunc" }, name)));
  }
  const errors = data.rows.errors[n];
  if (errors) end.unshift(errorMark(errors[0].file || "Not readable", `Commit ${id.slice(0, 7)}`, errors.map((error) => ({ where: error.file, reason: error.msg })), "row-error"));
  const row = el("span", { class: "nmw" }, ...parts, el("span", { class: "grow" }), ...end);
  row.addEventListener("dblclick", () => setBase(id));
  return row;
}

function groupCell(group) {
  const { kind, name, count } = data.groups[group];
  const isOpen = !collapsed.has(groupKey(group));
  const toggle = el("button", { type: "button", class: "tw", "aria-expanded": String(isOpen), "aria-label": `${isOpen ? "Fold" : "Unfold"} ${name}`, onclick: () => { if (isOpen) collapsed.add(groupKey(group)); else collapsed.delete(groupKey(group)); draw(true); } }, icon(isOpen ? "chev-d" : "chev-r"));
  const some = inGroup[group] === count ? "" : `${grouped(inGroup[group])} of `;
  const words = `${some}${grouped(count)} commit${count === 1 ? "" : "s"}${kind === "head" ? ", not on a branch" : ""}`;
  return el("span", { class: "nmw" }, toggle, icon(kind === "tag" ? "tag" : kind === "head" ? "commit" : "branch", "t3"), el("span", { class: "strong trunc", title: name }, name), el("span", { class: "t3 nowrap" }, words));
}

function workspaceCell() {
  const head = data.index.get(data.head);
  const end = [];
  const errors = data.rows.errors[0];
  if (errors) end.push(errorMark(errors[0].file || "Not readable", "Workspace", errors.map((error) => ({ where: error.file, reason: error.msg })), "row-error"));
  else if (head !== undefined) {
    const changed = { metrics: 0, params: 0, data: 0 };
    for (const column of columns) if (identityOf(column, 0) !== identityOf(column, head)) changed[column.kind] += 1;
    const words = Object.entries({ metric: changed.metrics, param: changed.params, out: changed.data }).filter(([, count]) => count).map(([word, count]) => `${count} ${word}${count === 1 ? "" : "s"}`);
    if (words.length) end.push(el("span", { class: "state is-warn" }, icon("change"), `${words.join(", ")} changed`));
  }
  if (baseRow() === 0) end.push(el("span", { class: "tag tag-base", "data-testid": "baseline" }, "Baseline"));
  return el("span", { class: "nmw" }, el("span", { class: "strong" }, "Workspace"), ...end);
}

function errorMark(word, title, problems, testid) {
  const button = el("button", { type: "button", class: "state is-bad mark", "data-testid": testid, title: problems.map((problem) => `${problem.where}: ${problem.reason}`).join("\n") }, icon("fail"), el("span", { class: "trunc" }, word));
  button.addEventListener("click", (event) => {
    event.stopPropagation();
    byId("note-title").textContent = `${title} cannot be read completely`;
    byId("note-body").replaceChildren(...problems.map((problem) => problemCard(problem)));
    byId("note").showModal();
  });
  return button;
}

function createdCell(row) {
  if (row < 0) return el("span");
  const seconds = data.rows.time[row];
  if (!seconds) return el("span", { class: "t2" }, data.rows.sha[row] === "workspace" ? "now" : MISSING);
  const at = new Date(seconds * 1000), now = new Date();
  if (Number.isNaN(at.getTime())) return el("span", { class: "nil" }, MISSING);
  const sameDay = at.toDateString() === now.toDateString();
  const day = MONTHS[at.getMonth()];
  const text = sameDay ? at.toTimeString().slice(0, 5) : `${at.getDate()} ${day}${at.getFullYear() === now.getFullYear() ? "" : ` ${at.getFullYear()}`}`;
  return el("span", { class: "t2", title: `${at.getDate()} ${day} ${at.getFullYear()}, ${at.toTimeString().slice(0, 8)}` }, text);
}

const textCell = (row, pickText) => (row < 0 ? el("span") : el("span", { class: "t2 trunc", title: pickText(row) }, pickText(row)));

function valueCell(cell, column) {
  const { n } = cell.getRow().getData();
  if (n < 0) return el("span");
  const holder = cell.getElement();
  holder.classList.remove("u1", "u2", "u3", "d1", "d2", "d3", "chg", "best");
  if (column.errors[n] !== undefined) return errorMark("error", column.file, [{ where: column.file, reason: column.errors[n] }], "cell-error");
  const value = column.values[n];
  if (value === null) return el("span", { class: "nil" }, MISSING);
  const base = baseRow();
  const isOther = base >= 0 && n !== base;
  let text = numberText(column, value);
  const isNumber = typeof value === "number" && typeof column.base === "number";
  if (isOther && isNumber && column.kind === "metrics" && value !== column.base) {
    const better = betterOf(column);
    const part = column.spread ? Math.abs(value - column.base) / column.spread : 0;
    const step = TINTS.filter((limit) => part > limit).length;
    if (step) holder.classList.add(`${(value > column.base) === (better === "higher") ? "u" : "d"}${step}`);
  }
  const isChanged = isOther && column.kind !== "metrics" && identityOf(column, n) !== identityOf(column, base);
  if (isChanged) holder.classList.add("chg");
  if (column.best !== null && value === column.best) holder.classList.add("best");
  if (state.delta && isOther && isNumber) text = signed(column, value - column.base);
  const delta = isOther && isNumber ? `\n${signed(column, value - column.base)} to the baseline` : "";
  const full = column.hash ? `${grouped(value)} bytes${column.nfiles[n] ? `, ${column.nfiles[n]} files` : ""}\n${column.hash[n] >= 0 ? column.hashes[column.hash[n]] : "no hash"}` : String(value);
  return el("span", { class: "v", title: `${full}${delta}` }, isChanged ? el("b", { class: "dot-chg" }) : null, isChanged ? el("span", { class: "vh" }, "changed ") : null, text);
}

// --- selection, baseline, cursor
function pick(id, range) {
  const ids = ["workspace", ...shown.filter((number) => number >= 0).map((number) => data.rows.sha[number])];
  const from = ids.indexOf(lastPicked), to = ids.indexOf(id);
  if (range && from >= 0 && to >= 0) for (const one of ids.slice(Math.min(from, to), Math.max(from, to) + 1)) picked.add(one);
  else if (picked.has(id)) picked.delete(id); else picked.add(id);
  lastPicked = id;
  cursor = id;
  selectionChanged();
}

function selectionChanged() {
  writeAddress(state, picked);
  repaint();
  toolbar();
}

function repaint() {
  for (const row of table.getRows("visible").concat(table.getRows().filter((row) => row.getData().id === "workspace"))) row.reformat();
  stale();
}

/** Rows out of sight are drawn again when they come into sight. */
function stale() {
  const near = new Set(table.getRows("visible").map((row) => row.getData().id));
  for (const row of table.getRows()) if (!near.has(row.getData().id) && row.getData().id !== "workspace") row._getSelf().initialized = false;
  const all = document.querySelector("#table .c-pick .tabulator-col-title, #table .c-pick.tabulator-col .tabulator-col-title");
  if (all) all.replaceChildren(pickAll());
}

function setBase(id) {
  state.base = state.base === id ? "" : id;
  writeAddress(state, picked);
  measure(arrange());
  repaint();
  toolbar();
}

function moveTo(step) {
  const ids = ["workspace", ...shown.filter((number) => number >= 0).map((number) => data.rows.sha[number])].filter((id) => data.index.has(id));
  if (!ids.length) return;
  const at = ids.indexOf(cursor);
  cursor = ids[Math.max(0, Math.min(ids.length - 1, at < 0 ? 0 : at + step))];
  if (cursor !== "workspace") table.scrollToRow(cursor, "nearest", false).catch(() => {});
  repaint();
}

function toolbar() {
  byId("only-changed").setAttribute("aria-pressed", String(state.only));
  byId("show-value").setAttribute("aria-pressed", String(!state.delta));
  byId("show-delta").setAttribute("aria-pressed", String(state.delta));
  for (const name of ["compact", "normal"]) byId(name).setAttribute("aria-pressed", String(state.density === name));
  document.documentElement.dataset.density = state.density;
  const names = [...picked];
  byId("selbar").hidden = !names.length;
  byId("selected").textContent = `${names.length} selected`;
  const usable = names.length >= 1 && names.length <= MAX_COMPARED;
  const compare = byId("compare");
  compare.setAttribute("aria-disabled", String(!usable));
  compare.title = usable ? "" : `At most ${MAX_COMPARED} rows can be compared`;
  if (usable) compare.href = `${COMPARE_URL}?${new URLSearchParams({ revs: comparedNames().join(",") })}`; else compare.removeAttribute("href");
  const rail = document.querySelector('[data-testid="nav-plots"]');
  byId("plots").hidden = !(rail && rail.href);
  if (rail && rail.href) byId("plots").href = `${rail.pathname || new URL(rail.href).pathname}?${new URLSearchParams({ revs: comparedNames().join(",") })}`;
  chips();
}

/** The baseline first; a single row is compared with it. */
function comparedNames() {
  const base = baseRow() >= 0 ? data.rows.sha[baseRow()] : null;
  const names = data.rows.sha.filter((sha) => picked.has(sha) && sha !== base);
  const isBaseWanted = base && (picked.has(base) || picked.size === 1);
  return [...(isBaseWanted ? [base] : []), ...names].map((sha) => (sha === "workspace" ? sha : sha.slice(0, 10)));
}

function chips() {
  const made = [];
  const chip = (text, title, undo) => el("span", { class: "chip", title }, el("span", { class: "trunc" }, text), el("button", { type: "button", "aria-label": `Remove: ${text}`, onclick: undo }, icon("x")));
  if (matches) {
    const hidden = data.rows.sha.length - (data.rows.sha[0] === "workspace" ? 1 : 0) - data.rows.sha.filter((sha) => sha !== "workspace" && matches.has(sha)).length;
    made.push(el("span", { class: "t3 nowrap hide-md", "data-testid": "hidden-rows" }, `${grouped(hidden)} hidden`));
  }
  if (state.sort.length) made.push(chip(`sorted by ${state.sort.map((item) => (columns.find((column) => column.id === item.id) || { label: item.id }).label).join(", ")}`, "Remove to see branches again", () => { state.sort = []; writeAddress(state, picked); draw(); }));
  byId("chips").replaceChildren(...made);
}

// --- filter
let searchTimer = 0, searchNumber = 0;
function search(text, wait = FILTER_WAIT_MS) {
  clearTimeout(searchTimer);
  searchTimer = setTimeout(() => applySearch(text), wait);
}

async function applySearch(text, keepsPlace = false) {
  const query = text.trim();
  const mine = ++searchNumber;
  if (!query) { state.q = ""; matches = null; searchError(null); writeAddress(state, picked); draw(); return; }
  const branch = new URLSearchParams(location.search).get("branch");
  const answer = await fetch(`${SELECT_URL}?${new URLSearchParams({ q: query, ...(branch ? { branch } : {}) })}`, { cache: "no-store", headers: { Accept: "application/json" } }).catch(() => null);
  const value = answer ? await answer.json().catch(() => null) : null;
  if (mine !== searchNumber) return; // a newer one is under way
  if (!answer || !value) { searchError({ msg: "The server does not answer." }); return; }
  if (value.error) { searchError(value.error, text); return; } // the old rows stay
  searchError(null);
  state.q = query;
  matches = new Set(value.rows);
  writeAddress(state, picked);
  draw(keepsPlace);
}

function searchError(error, text = "") {
  const box = byId("search-error");
  box.hidden = !error;
  byId("search").setAttribute("aria-invalid", String(Boolean(error)));
  if (!error) { box.replaceChildren(); return; }
  const at = error.position;
  const lead = text.length - text.trimStart().length;
  const parts = at === undefined ? [] : [el("code", {}, text.slice(0, at + lead), el("mark", {}, text.slice(at + lead, at + lead + 1) || "\u00a0"), text.slice(at + lead + 1))];
  box.replaceChildren(icon("warn"), ...parts, el("span", {}, `${error.msg}${at === undefined ? "" : ` (character ${at + 1})`}. ${error.hint || ""}`));
}

// --- columns
function chooser() {
  const words = byId("column-search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const total = data.rows.sha.length;
  const nodes = [];
  for (const kind of ["metrics", "params", "data"]) {
    const found = columns.filter((column) => column.kind === kind && words.every((word) => `${column.file}:${column.key} ${kind}`.toLowerCase().includes(word)));
    if (!found.length) continue;
    const on = found.filter((column) => !state.hide.has(column.id)).length;
    nodes.push(line(KIND_NAMES[kind], on === found.length, on > 0 && on < found.length, () => { for (const column of found) if (on === found.length) state.hide.add(column.id); else state.hide.delete(column.id); }, "", "strong"));
    for (const column of found.slice(0, 300)) {
      const have = column.values.reduce((count, value) => count + (value !== null), 0);
      const node = line(column.key || column.file, !state.hide.has(column.id), false, () => { if (!state.hide.delete(column.id)) state.hide.add(column.id); }, `${have} of ${total}`, "in");
      if (column.kind === "metrics") {
        const better = betterOf(column);
        node.append(el("button", { type: "button", class: "btn btn-quiet better", title: "Which direction is better", "data-testid": `better-${column.id}`, onclick: () => {
          state.lower.delete(column.id); state.higher.delete(column.id);
          const next = better === "higher" ? "lower" : "higher";
          if (next !== column.better) state[next].add(column.id);
          writeAddress(state, picked); draw();
        } }, better === "higher" ? "higher is better" : "lower is better"));
      }
      nodes.push(node);
    }
    if (found.length > 300) nodes.push(el("p", { class: "t3 sm" }, `${found.length - 300} more; search to find them`));
  }
  byId("reset-columns").hidden = !order.length && !Object.keys(widths).length;
  byId("column-list").replaceChildren(...(nodes.length ? nodes : [el("p", { class: "t3 sm pad-s" }, "No column of that name.")]));
}

function line(text, on, some, change, end, classes) {
  const box = el("input", { type: "checkbox", "data-testid": "column", onchange: () => { change(); writeAddress(state, picked); draw(); } });
  box.checked = on;
  box.indeterminate = some;
  return el("div", { class: `column-line ${classes}` }, el("label", { class: "row grow" }, box, el("span", { class: "trunc", title: text }, text), el("span", { class: "grow" }), el("span", { class: "t3 sm nowrap" }, end)));
}

// --- events
byId("search").addEventListener("input", (event) => search(event.target.value));
byId("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter") search(event.target.value, 0);
  if (event.key === "Escape") { event.stopPropagation(); if (event.target.value) { event.target.value = ""; search("", 0); } else event.target.blur(); }
});
byId("only-changed").addEventListener("click", () => { state.only = !state.only; writeAddress(state, picked); draw(); });
const setDelta = (on) => { state.delta = on; writeAddress(state, picked); repaint(); toolbar(); };
byId("show-value").addEventListener("click", () => setDelta(false));
byId("show-delta").addEventListener("click", () => setDelta(true));
for (const name of ["compact", "normal"]) byId(name).addEventListener("click", () => {
  state.density = name;
  localStorage.setItem("density", name);
  document.documentElement.dataset.density = name;
  writeAddress(state, picked);
  draw();
});
byId("clear").addEventListener("click", () => { picked.clear(); selectionChanged(); });
byId("csv").addEventListener("click", () => {
  const link = el("a", { href: URL.createObjectURL(new Blob([csvText(data, columns.filter((column) => !isHidden(column)), shown)], { type: "text/csv" })), download: "experiments.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
byId("copy-link").addEventListener("click", async () => { await copy(location.href); byId("copy-link").classList.add("is-on"); setTimeout(() => byId("copy-link").classList.remove("is-on"), 1000); });
byId("chooser").addEventListener("toggle", () => { if (byId("chooser").open) { chooser(); byId("column-search").focus(); } });
byId("column-search").addEventListener("input", chooser);
byId("reset-columns").addEventListener("click", resetColumns);
byId("table").addEventListener("click", (event) => {
  const row = event.target.closest(".tabulator-row");
  if (!row || !row.dataset.sha || event.target.closest("button, [role=checkbox]")) return;
  cursor = row.dataset.sha;
  if (event.shiftKey) { pick(cursor, true); return; }
  if (event.target.closest(".hash, .cm")) { setBase(cursor); return; }
  repaint();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !data || !table || event.defaultPrevented) return;
  if (event.target.closest("input, textarea, select, dialog[open]")) return;
  const keys = {
    j: () => moveTo(1), ArrowDown: () => moveTo(1), k: () => moveTo(-1), ArrowUp: () => moveTo(-1),
    x: () => cursor && pick(cursor, false), X: () => cursor && pick(cursor, true), b: () => cursor && setBase(cursor), d: () => setDelta(!state.delta), o: () => byId("only-changed").click(),
    c: () => picked.size && byId("compare").hasAttribute("href") && byId("compare").click(), p: () => picked.size && !byId("plots").hidden && byId("plots").click(), Escape: () => { if (picked.size) { picked.clear(); selectionChanged(); } },
  };
  if (event.key in keys) { event.preventDefault(); keys[event.key](); }
});

async function refresh() {
  try { if (await load()) { if (state.q) await applySearch(state.q, true); else draw(true); } } catch { /* the live mark tells; what is shown stays */ }
}

async function start() {
  readAddress(state, picked);
  byId("search").value = state.q;
  try {
    await load();
    if (state.q) {
      const wanted = state.q;
      await applySearch(wanted);
      if (!table) draw();
    } else draw();
  } catch (error) {
    byId("message").replaceChildren(el("div", { class: "empty-card" }, problemCard({ reason: error.message }), el("button", { type: "button", class: "btn", "data-testid": "retry", onclick: () => location.reload() }, "Try again")));
    ready();
  }
}

onChange(refresh);
start();
