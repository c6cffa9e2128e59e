// The experiments table: puts together what the modules beside it do, and keeps it up to date.
import { note } from "../launcher/actions.js";
import { chosen, copy, el, getJSON, icon, keep, onChange, problemCard, ready } from "../launcher/frame.js";
import { compareHref, comparedNames, detailsOf, logOf, pickedExperiments, plotNameOf, plotsHref, push, remove, removedEntries, rowMenu, runAgain, startActions, stop } from "./tableactions.js";
import { cell, checkbox, setHooks } from "./tablecells.js";
import { fill as fillChooser, startChooser } from "./tablecolumns.js";
import { csvText } from "./tablecsv.js";
import { loadCurves, startCurves } from "./tablecurves.js";
import { arrange, collapsed, experimentOf, hasWorkspace, isFlat, isHidden, isPinned, KIND_NAMES, measure, putInOrder, shownColumns, table, takeLive, takeOver, WORKSPACE } from "./tabledata.js";
import { emptyMessage } from "./tableempty.js";
import { applySearch, chips, setQuery, startFilter } from "./tablefilter.js";
import { Grid } from "./tablegrid.js";
import { head, setRedraw, widthOf } from "./tablehead.js";
import { startKeys } from "./tablekeys.js";
import { openMenu } from "./tablemenu.js";
import { grouped, isSize } from "./tablenumbers.js";
import { DENSITIES, picked, readAddress, view, writeAddress } from "./tableview.js";
import { startViews } from "./tableviews.js";

const byId = (id) => document.getElementById(id);
const URLS = byId("page-data").dataset;
const HEAD_ROWS = 3;
const AGAIN_MS = 200;
const MAX_COMPARED = 20;
const KIND_ICONS = { meta: "clock", metrics: "metric", params: "param", models: "models", data: "data" };
const PADDING = { compact: 16, normal: 24 }, DOT = 11, DIGIT = 8.2, LETTER = 13; // pixels; of the widest common font
const HEIGHTS = { compact: [28, 24], normal: [36, 28] };

let etag = null;
let grid = null;
let signature = "";
let cursor = null; // id of the row the keyboard is on
let lastPicked = null;

// --- data
async function load() {
  const branch = new URLSearchParams(location.search).get("branch");
  let answer;
  try {
    // the first time as the page's preload asked for it, so that the answer is on its way already
    const query = [etag ? "" : "first=1", "lines=1", branch ? `branch=${encodeURIComponent(branch)}` : ""].filter(Boolean).join("&");
    answer = await fetch(URLS.table + (query ? `?${query}` : ""), etag ? { cache: "no-store", headers: { "If-None-Match": etag } } : {});
  } catch { throw new Error("The server does not answer. Run `dataver ui` again."); }
  if (answer.status === 304) return false;
  const [first, ...lines] = (await answer.text()).split("\n"); // the cells of each column stay text until somebody asks
  const value = JSON.parse(first);
  if (!answer.ok) throw new Error(value.error ? value.error.msg : `the server answered ${answer.status}`);
  etag = answer.headers.get("ETag");
  takeOver(value, lines);
  if (value.waiting) { byId("progress").textContent = `${grouped(value.waiting)} commits still to be read`; setTimeout(refresh, AGAIN_MS); }
  else byId("progress").textContent = value.hidden_columns ? `${value.hidden_columns} columns are too many to show` : "";
  return true;
}

let refreshing = null;
/** Ask for the table again; requests that come meanwhile are one more. */
async function refresh() {
  if (refreshing) { refreshing.isAsked = true; return; }
  refreshing = { isAsked: false };
  try { if (await load()) { loadCurves(); if (view.q) await applySearch(view.q, true); else draw({ keepsPlace: true }); if (awaited?.length) restorePlace(); } } catch { /* the live mark tells; what is shown stays */ }
  const again = refreshing.isAsked;
  refreshing = null;
  if (again) refresh();
}

async function askLive() {
  if (!table.data || refreshing || !Object.values(table.data.experiments).some((made) => made.state === "running")) return;
  let answer;
  try { answer = await getJSON(URLS.live); } catch { return; }
  const { isStale, isChanged } = takeLive(answer);
  if (isChanged) { measure(true); grid.paint(true); } else grid.paint();
  if (isStale) refresh();
}

// --- drawing
/** columns: which, or how wide, has changed. keepsPlace: it changed by itself. focus: head that gets the focus again. isQuery: the rows are others. */
function draw({ columns = false, keepsPlace = false, focus = null, isQuery = false, isFirst = false } = {}) {
  const before = grid && grid.items.length;
  const titled = focus ?? document.activeElement.closest(".g-h")?.dataset.column;
  arrange();
  measure(keepsPlace);
  if (!keepsPlace && !isFirst) writeAddress();
  document.documentElement.dataset.density = view.density;
  const message = emptyMessage({ hasGit: !("noGit" in URLS), clear: () => setQuery(""), run: URLS.dialog ? () => runAgain() : null, firstStage: URLS.firstStage });
  byId("message").hidden = !message;
  byId("message").replaceChildren(...(message ? [message] : []));
  const shown = shownColumns();
  const now = JSON.stringify([view.density, shown.map((column) => [column.id, view.widths[column.id]]), view.pin, innerWidth <= 1100]);
  if (columns || now !== signature) { signature = now; layOut(shown); }
  if (isQuery && !keepsPlace && before !== table.items.length) byId("table").scrollTop = 0;
  grid.isLive = keepsPlace;
  grid.setItems(table.items, hasWorkspace() ? { id: WORKSPACE, n: 0 } : null);
  grid.isLive = false;
  for (const node of grid.heads.values()) node.querySelector(".sort")?.fill();
  if (titled && (focus || !document.activeElement.closest(".g-h"))) grid.focusHead(titled); // titles are others after each layout
  toolbar();
  if (columns || keepsPlace) fillChooser();
}

/** room: how many characters surely fit. Numbers are many and may stand over their padding by a little. */
function measures(column, isAlone) {
  const width = widthOf(column, isAlone);
  const free = width - PADDING[view.density] - (column.kind === "metrics" ? 0 : DOT);
  return { width, room: column.isNumeric || isSize(column) || column.id === "meta:created" ? Math.round(free / DIGIT) : Math.floor(free / LETTER) };
}

const kindTitle = ({ key }) => el("span", { class: "kind-title" }, icon(KIND_ICONS[key]), KIND_NAMES[key]);
function layOut(shown) {
  const narrow = innerWidth <= 1100;
  const [rowHeight, headHeight] = HEIGHTS[view.density];
  const alone = new Map();
  for (const column of shown) { const key = `${column.kind}\n${column.group}`; alone.set(key, (alone.get(key) || 0) + 1); }
  const make = (column, isFirst) => ({
    id: column.id, label: column.label, ...measures(column, alone.get(`${column.kind}\n${column.group}`) === 1),
    cls: `k-${column.kind}${isFirst ? " gl" : ""}${column.isNumeric || isSize(column) ? " num" : ""}`,
    spans: [
      { key: column.kind, name: column.kind === "meta" ? "" : KIND_NAMES[column.kind], cls: `k-${column.kind} kind${isFirst ? " gl" : ""}`, make: column.kind === "meta" ? undefined : kindTitle },
      { key: `${column.kind}\n${column.group}`, name: column.group, title: column.group, cls: `k-${column.kind} sub${isFirst ? " gl" : ""}` },
    ],
  });
  const pinned = view.pin.map((id) => shown.find((column) => column.id === id)).filter(Boolean);
  const rest = shown.filter((column) => !isPinned(column));
  const fixed = [{ id: "pick", width: 36, cls: "c-pick" }, { id: "name", label: "Experiment", width: narrow ? 288 : 332, cls: "c-name", isName: true }, ...pinned.map((column) => ({ ...make(column, false), cls: `k-${column.kind} pinned${column.isNumeric || isSize(column) ? " num" : ""}` }))];
  grid.setColumns(fixed, rest.map((column, at) => make(column, at > 0 && rest[at - 1].kind !== column.kind)), rowHeight, headHeight);
}

function rowLook({ id, n }) {
  const made = n >= 0 ? experimentOf(n) : null;
  const on = picked.has(id);
  const classes = [n < 0 ? "group-row" : "", id === WORKSPACE ? "ws" : "", on ? "sel" : "", n >= 0 && n === table.base ? "base" : "", id === cursor ? "cursor" : "", made ? `is-exp st-${made.state}` : ""].filter(Boolean);
  return { cls: classes.join(" "), attributes: { "data-testid": n < 0 ? "group" : "row", "data-sha": n < 0 ? "" : id, "aria-selected": String(on), id: id === cursor ? "at-cursor" : null } };
}

function toolbar() {
  const { data } = table;
  const made = Object.keys(data.experiments).length;
  const all = data.rows.id.length - (hasWorkspace() ? 1 : 0);
  const words = (count, word) => `${grouped(count)} ${word}${count === 1 ? "" : "s"}`;
  byId("count").textContent = "noGit" in URLS ? "not in Git: the workspace only" : table.matches ? `${grouped(table.rows.length)} of ${words(all, "row")}` : [words(all - made, "commit"), made ? words(made, "experiment") : ""].filter(Boolean).join(", ");
  const pressed = (id, on) => byId(id).setAttribute("aria-pressed", String(on));
  pressed("only-changed", view.only); pressed("show-value", !view.delta); pressed("show-delta", view.delta);
  for (const name of DENSITIES) pressed(name, view.density === name);
  const hiddenSame = !view.only ? 0 : table.columns.filter((column) => column.kind !== "meta" && !view.hide.has(column.id) && !column.differs).length;
  byId("hidden-same").textContent = hiddenSame ? `${hiddenSame} hidden` : "";
  byId("column-count").textContent = String(table.columns.filter((column) => column.kind !== "meta" && !isHidden(column)).length);
  byId("chips").replaceChildren(...chips());
  byId("more").hidden = false;
  selectionBar();
}

function selectionBar() {
  const names = [...picked];
  if (!names.length && byId("selbar").contains(document.activeElement)) byId("table").focus({ preventScroll: true });
  byId("selbar").hidden = !names.length;
  byId("selected").textContent = `${names.length} selected`;
  const compared = comparedNames();
  const usable = names.length >= 1 && compared.length >= 2 && compared.length <= MAX_COMPARED;
  const compare = byId("compare");
  compare.setAttribute("aria-disabled", String(!usable));
  compare.title = usable ? "" : compared.length > MAX_COMPARED ? `At most ${MAX_COMPARED} rows can be compared` : "Select another row than the baseline";
  if (usable) compare.href = compareHref(compared); else compare.removeAttribute("href");
  const plots = plotsHref(comparedNames(plotNameOf));
  byId("plots").hidden = !plots;
  if (plots) byId("plots").href = plots;
  const done = pickedExperiments("done"), running = pickedExperiments("running").filter((row) => experimentOf(row).task), gone = pickedExperiments("done", "failed", "stopped", "queued");
  byId("push").hidden = !done.length;
  byId("stop").hidden = !running.length;
  byId("remove").hidden = !gone.length;
  byId("run-again").hidden = !URLS.dialog || names.length !== 1;
  const all = grid?.heads.get("pick");
  if (all) all.replaceChildren(pickAll());
}

function pickAll() {
  const box = checkbox(false, picked.size > 0, "Select all shown rows");
  box.dataset.testid = "pick-all";
  box.addEventListener("click", () => { if (picked.size) picked.clear(); else for (const item of table.items) if (item.n >= 0) picked.add(item.id); selectionChanged(); });
  return box;
}

// --- selection, baseline, cursor
const pickable = () => [...(hasWorkspace() ? [WORKSPACE] : []), ...table.items.filter((item) => item.n >= 0).map((item) => item.id)];
function pick(id, range) {
  const ids = pickable();
  const from = ids.indexOf(lastPicked), to = ids.indexOf(id);
  if (range && from >= 0 && to >= 0) for (const one of ids.slice(Math.min(from, to), Math.max(from, to) + 1)) picked.add(one);
  else if (picked.has(id)) picked.delete(id); else picked.add(id);
  lastPicked = id;
  cursor = id;
  selectionChanged();
}

/** All rows of the group that a row is in; without a row, all. */
function pickGroup() {
  const row = cursor === null ? undefined : table.index.get(cursor);
  const group = row === undefined || isFlat() ? null : table.data.rows.group[row];
  for (const item of table.items) if (item.n >= 0 && (group === null || table.data.rows.group[item.n] === group)) picked.add(item.id);
  selectionChanged();
}

function selectionChanged() { writeAddress(); grid.paint(); selectionBar(); point(); }

function setBase(id) {
  view.base = view.base === id ? "" : id;
  draw();
}

function fold(id) {
  if (!collapsed.delete(id)) collapsed.add(id);
  arrange();
  grid.setItems(table.items, grid.pinned);
  keep("experiments.folded", collapsed.size ? [...collapsed].slice(0, 200) : null);
}

function setCursor(id) {
  cursor = id;
  if (id !== WORKSPACE) grid.reveal(id);
  grid.paint();
  point();
}

/** Assistive technology reads the row the keyboard is on. */
function point() {
  const node = cursor && grid.node(cursor);
  if (node) byId("table").setAttribute("aria-activedescendant", node.id); else byId("table").removeAttribute("aria-activedescendant");
}

function moveTo(step) {
  const ids = [...(hasWorkspace() ? [WORKSPACE] : []), ...table.items.map((item) => item.id)];
  if (!ids.length) return;
  const at = ids.indexOf(cursor);
  setCursor(ids[Math.max(0, Math.min(ids.length - 1, at < 0 ? (step < 0 ? ids.length - 1 : 0) : at + step))]);
}

function menuOf(id, box = null) {
  if (id === null || table.index.get(id) === undefined) return;
  setCursor(id);
  const node = grid.node(id)?.querySelector('[data-testid="row-menu"]');
  rowMenu(id, box ?? node?.getBoundingClientRect() ?? byId("table").getBoundingClientRect(), byId("table"));
}

function showProblems(title, problems) {
  byId("note-title").textContent = `${title} cannot be read completely`;
  byId("note-body").replaceChildren(...problems.map((problem) => problemCard(problem)));
  byId("note").showModal();
}

// --- events
function startEvents() {
  setHooks({ pick, fold, setBase, menu: menuOf, detailsOf, logOf, problems: showProblems });
  setRedraw(draw);
  startActions({ setBase, problems: showProblems });
  startChooser(draw);
  startCurves(URLS.curves, draw);
  startFilter(URLS.select, draw);
  startViews(() => { loadCurves(); putInOrder(); byId("search").value = view.q; applySearch(view.q); });
  startKeys({ run: () => byId("run")?.click(), cursor: () => cursor, pick, pickGroup, setBase, moveTo, menuOf, fold, setDelta, page: () => Math.max(1, grid.sight[1] - grid.sight[0] - 14),
    clear: () => { if (picked.size) { picked.clear(); selectionChanged(); } }, only: () => byId("only-changed").click(), compare: () => byId("compare").hasAttribute("href") && byId("compare").click(), plots: () => picked.size && !byId("plots").hidden && byId("plots").click() });
  byId("only-changed").addEventListener("click", () => { view.only = !view.only; draw(); });
  byId("show-value").addEventListener("click", () => setDelta(false));
  byId("show-delta").addEventListener("click", () => setDelta(true));
  for (const name of DENSITIES) byId(name).addEventListener("click", () => {
    view.density = name;
    try { localStorage.setItem("density", name); } catch { /* other pages keep theirs */ }
    draw();
  });
  byId("clear").addEventListener("click", () => { picked.clear(); selectionChanged(); });
  byId("push").addEventListener("click", () => push(pickedExperiments("done")));
  byId("stop").addEventListener("click", () => stop(pickedExperiments("running").filter((row) => experimentOf(row).task)));
  byId("remove").addEventListener("click", () => remove(pickedExperiments("done", "failed", "stopped", "queued")));
  byId("run-again").addEventListener("click", () => runAgain(table.index.get([...picked][0])));
  byId("run")?.addEventListener("click", () => runAgain());
  byId("csv").addEventListener("click", download);
  byId("copy-link").addEventListener("click", async () => { await copy(location.href); note("The link to this view is copied"); });
  byId("more").addEventListener("click", () => openMenu([
    { label: "Bars in cells", symbol: "metric", isOn: view.bars, run: () => { view.bars = !view.bars; draw(); }, testid: "bars" },
    { label: "Fold all commits", symbol: "chev-r", run: () => { for (const item of table.items) if (item.n >= 0 && !experimentOf(item.n)) collapsed.add(item.id); draw({ keepsPlace: true }); }, testid: "fold-all" },
    { label: "Unfold all", symbol: "chev-d", run: () => { collapsed.clear(); draw({ keepsPlace: true }); }, testid: "unfold-all" },
    ...(table.data.removed.length ? [null, { heading: "Removed lately" }, ...removedEntries()] : []),
  ], byId("more").getBoundingClientRect(), { label: "More", back: byId("more"), testid: "more-menu" }));
  byId("table").addEventListener("click", (event) => {
    const row = event.target.closest(".g-row");
    if (!row || event.target.closest("button, a, [role=checkbox]")) return;
    cursor = row.item.id;
    if (row.item.n < 0) { fold(cursor); return; }
    if (event.shiftKey) { getSelection()?.removeAllRanges(); pick(cursor, true); return; }
    if (event.ctrlKey || event.metaKey) { pick(cursor, false); return; }
    if (event.target.closest(".hash, .cm")) { setBase(cursor); return; }
    setCursor(cursor);
  });
  byId("table").addEventListener("mousedown", (event) => { if (event.shiftKey) event.preventDefault(); }); // no marked text
  byId("table").addEventListener("contextmenu", (event) => {
    const row = event.target.closest(".g-row");
    if (!row || row.item.n < 0) return;
    event.preventDefault();
    menuOf(row.item.id, new DOMRect(event.clientX, event.clientY, 0, 0));
  });
  addEventListener("pagehide", () => history.replaceState({ ...history.state, table: [byId("table").scrollLeft, byId("table").scrollTop, cursor] }, ""));
  addEventListener("resize", () => { if (table.data) draw({ keepsPlace: true }); });
}

const setDelta = (on) => { view.delta = on === undefined ? !view.delta : on; writeAddress(); grid.paint(); toolbar(); };

function download() {
  const link = el("a", { href: URL.createObjectURL(new Blob([csvText(table, shownColumns().filter((column) => column.kind !== "meta"))], { type: "text/csv" })), download: "experiments.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** The row of a commit, of the beginning of its id, or of an experiment's name. */
function rowNamed(wanted) {
  return table.data.rows.id.find((id) => id === wanted || (wanted.length >= 7 && id.startsWith(wanted))) ?? Object.entries(table.data.experiments).filter(([, made]) => made.name === wanted).map(([at]) => table.data.rows.id[at])[0];
}

let awaited = null; // names in the address whose rows are not there yet
/** Where the reader was before going away, or the rows that another page points at (`?select=NAME,NAME`). */
function restorePlace() {
  const isFirst = awaited === null;
  awaited ??= (new URLSearchParams(location.search).get("select") || "").split(",").filter(Boolean);
  const found = awaited.map(rowNamed).filter((id) => id !== undefined);
  awaited = table.data.waiting ? awaited.filter((name) => rowNamed(name) === undefined) : [];
  for (const id of found) picked.add(id);
  if (found.length) {
    if (cursor === null) { cursor = found[0]; grid.reveal(cursor, true); }
    grid.paint();
    selectionBar();
    point();
  } else if (isFirst && history.state?.table) {
    const [left, top, at] = history.state.table;
    byId("table").scrollLeft = left; byId("table").scrollTop = top;
    cursor = at;
    grid.update(true);
  }
}

async function start() {
  readAddress();
  for (const key of chosen("experiments.folded", [])) collapsed.add(key);
  grid = new Grid(byId("table"), { cell: (item, column) => cell(item, table.byId.get(column.id) ?? column), row: rowLook, headRows: HEAD_ROWS, head: (column, node) => head(column, node, column.id === "pick" ? pickAll() : null) });
  startEvents();
  try {
    await load();
    if (view.q) await applySearch(view.q, true);
    draw({ isFirst: true });
    restorePlace();
  } catch (error) {
    byId("message").replaceChildren(el("div", { class: "empty-card" }, problemCard({ reason: error.message }), el("button", { type: "button", class: "btn", "data-testid": "retry", onclick: () => location.reload() }, "Try again")));
  }
  ready();
  loadCurves();
  onChange(refresh);
  document.addEventListener("dataver:acted", refresh);
  document.addEventListener("dataver:live", askLive);
}
start();
