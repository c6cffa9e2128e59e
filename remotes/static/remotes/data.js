// The page of tracked data: what is asked of the server, what the address holds, and who shows what.

import { ready, getJSON, postJSON, el, icon, problemCard, formatSize, showCommand } from "../launcher/frame.js";
import { actionButton, progressText } from "../launcher/actions.js";
import { DataTree } from "./datatree.js";
import { summary } from "./datastate.js";
import { DataPanel } from "./datapanel.js";
import { CacheView } from "./datacache.js";
import { openAdd } from "./dataadd.js";
import { run, addRemote, checkout, followActions } from "./dataactions.js";

const SEARCH_MS = 120;
const ASK_MS = 250; // while the workspace is compared, or the remote asked
const SELECT_MS = 120;
const body = document.body;
const base = body.dataset.base;
const page = JSON.parse(document.getElementById("data-page").textContent);
const test = (id) => document.querySelector(`[data-testid="${id}"]`);
const query = (values) => { const found = new URLSearchParams(); for (const [key, value] of Object.entries(values)) for (const one of [value].flat()) if (one !== undefined && one !== "" && one !== null) found.append(key, one); return found.toString(); };
const ask = (name, values = {}) => getJSON(`${base}/${name}.json?${query(values)}`);
const state = { q: "", states: [], path: "", view: "files" };
let now = { ...page, absent: null };
let isBusy = false;

// --- address
function readAddress() {
  const found = new URL(location.href).searchParams;
  Object.assign(state, { q: found.get("q") || "", states: found.getAll("state"), path: found.get("path") || "", view: found.get("view") === "cache" ? "cache" : "files" });
}
function writeAddress(push = false) {
  const url = new URL(location.href);
  for (const name of ["q", "state", "path", "view"]) url.searchParams.delete(name);
  if (state.q) url.searchParams.set("q", state.q);
  for (const one of state.states) url.searchParams.append("state", one);
  if (state.path) url.searchParams.set("path", state.path);
  if (state.view !== "files") url.searchParams.set("view", state.view);
  if (url.href !== location.href) history[push ? "pushState" : "replaceState"](null, "", url);
}

// --- parts
const tree = new DataTree(test("data-tree"), {
  fetchRows: (asked) => ask("rows", asked),
  onSelect: (path) => { state.path = path; writeAddress(); clearTimeout(selecting); selecting = setTimeout(() => panel.show(path), SELECT_MS); },
  onCount: () => showFound(),
});
let selecting = null;
const panel = new DataPanel(test("data-panel"), { ask, base, hasRemote: () => now.has_remote, hasGit: page.has_git, onClose: () => { state.path = ""; writeAddress(); tree.select("", false); test("data-tree").focus(); }, reveal: (path) => tree.reveal(path) });
const cache = new CacheView(test("cache-view"), { ask, hasGit: page.has_git });

function search() {
  const asked = state.q.trim() || state.states.length ? { q: state.q.trim(), state: state.states } : null;
  tree.search(asked);
  showFound();
}
function showFound() {
  const found = tree.found;
  test("data-found").textContent = found && found.isKnown ? `${found.total.toLocaleString("en")} of ${now.files.toLocaleString("en")} files` : "";
  test("data-empty").hidden = !isEmpty() && !(found && found.isKnown && !found.total);
  test("data-tree").hidden = isEmpty();
  if (!test("data-empty").hidden) showEmpty();
}
const isEmpty = () => tree.root.isKnown && !tree.root.total;
function showEmpty() {
  const box = test("data-empty");
  const kind = !isEmpty() ? "filtered" : now.problems.length ? "unread" : "none";
  if (box.dataset.kind === kind) return;
  box.dataset.kind = kind;
  box.replaceChildren(...(kind === "unread"
    ? [el("h2", {}, "What is tracked cannot be read"), el("p", { class: "t2" }, "The files named above say which data belongs to this project. Once they are mended, it stands here by itself.")]
    : kind === "none"
    ? [el("h2", {}, "Nothing is tracked yet"), el("p", { class: "t2" }, "Data sets and models belong here: files that are too large for Git. Adding one puts its content into the cache, and a small .dvc file that names it is left for Git."),
      el("p", {}, el("button", { type: "button", class: "btn btn-primary", "data-testid": "empty-add", title: "dataver add PATH", onclick: () => openAdd({ ask }) }, icon("plus"), "Add files or folders"))]
    : [el("h2", {}, "No file of that name or state"), el("p", {}, el("button", { type: "button", class: "btn", "data-testid": "empty-clear", onclick: clearSearch }, icon("x"), "Show all files"))]));
}
function clearSearch() { state.q = ""; state.states = []; test("data-search").value = ""; writeAddress(); search(); showStates(); }

function showStates() {
  const box = test("data-states");
  const chips = summary(now.counts, now.absent);
  for (const one of state.states) if (!chips.some((chip) => chip.state === one)) chips.push({ state: one, text: `0 ${one}`, look: "", symbol: "filter" });
  const key = JSON.stringify([chips, state.states]);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  const focused = box.contains(document.activeElement) ? document.activeElement.dataset.state : null;
  box.replaceChildren(...chips.map((chip) => el("button", { type: "button", class: "btn chip-state", "data-testid": "data-state", "data-state": chip.state, "aria-pressed": String(state.states.includes(chip.state)),
    title: state.states.includes(chip.state) ? "Show all files again" : "Show only these files", onclick: () => { state.states = state.states.includes(chip.state) ? state.states.filter((one) => one !== chip.state) : [chip.state]; writeAddress(); showStates(); search(); } },
  el("span", { class: `state ${chip.look}` }, icon(chip.symbol), chip.text))));
  if (focused) box.querySelector(`[data-state="${CSS.escape(focused)}"]`)?.focus();
}

function showTotals() {
  body.dataset.checked = now.checked ? "1" : "0";
  test("data-total").textContent = now.files ? `${now.files.toLocaleString("en")} ${now.files === 1 ? "file" : "files"}, ${formatSize(now.size)}` : "";
  test("data-checking").textContent = now.checking ? progressText(now.checking) : now.remote === "asking" ? "Asking the remote" : "";
  const problems = [...now.problems, ...(now.remote_problem ? [{ ...now.remote_problem, where: "Remote" }] : [])].filter((one, at, all) => all.findIndex((other) => other.reason === one.reason) === at);
  const box = test("problems"), key = JSON.stringify(problems);
  if (box.dataset.key !== key) { box.dataset.key = key; box.hidden = !problems.length || state.view === "cache"; box.replaceChildren(...problems.map(problemCard)); }
  showStates();
  showActions();
}
const changes = (side) => Object.entries(now.counts).some(([name]) => name.startsWith(side));
function showActions() {
  const box = test("data-actions"), hasRemote = now.has_remote;
  const key = JSON.stringify([now.remote, hasRemote, Boolean(now.files), changes("local")]);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  const focused = box.contains(document.activeElement) ? document.activeElement.dataset.testid : null;
  box.replaceChildren(
    ...(hasRemote && now.files ? [
      el("button", { type: "button", class: "btn", "data-testid": "check-remote", disabled: now.remote === "asking", title: "dataver data status --granular --not-in-remote", "aria-label": "Check the remote", onclick: askRemote }, icon("cloud"), el("span", { class: "hide-md" }, now.remote === "known" ? "Check the remote again" : "Check the remote")),
      actionButton("Pull", ["pull"], { symbol: "dl", testid: "pull", run }), actionButton("Push", ["push"], { symbol: "ul", testid: "push", run })] : now.files ? [el("button", { type: "button", class: "btn", "data-testid": "add-remote", title: "dataver remote add -d NAME URL", onclick: addRemote }, icon("cloud"), "Add a remote")] : []),
    actionButton("Check out", ["checkout"], { symbol: "undo", testid: "checkout", run: () => checkout(ask, "", now.counts) }),
    el("button", { type: "button", class: "btn btn-primary", "data-testid": "add", title: "dataver add PATH", onclick: () => openAdd({ ask }) }, icon("plus"), "Add data"));
  test("checkout").hidden = !changes("local");
  if (focused) box.querySelector(`[data-testid="${focused}"]`)?.focus();
}
async function askRemote() {
  now.remote = "asking";
  showTotals();
  try { take(await postJSON(`${base}/remote`)); } catch (error) { now.remote = "unasked"; now.remote_problem = { reason: error.message }; showTotals(); }
}

// --- live
let timer = null;
let isLooking = false;
function take(answer) {
  const isNew = answer.version !== now.version || answer.remote !== now.remote || answer.has_remote !== now.has_remote;
  now = { ...now, ...answer };
  showTotals();
  if (isNew) { tree.renew(now.version); tree.redraw(); showFound(); panel.renew(); body.dataset.rev = String(Number(body.dataset.rev) + 1); }
  clearTimeout(timer);
  if (now.checking || now.remote === "asking") timer = setTimeout(look, ASK_MS);
}
/** Ask whether there is a newer table. again: compare even if no file seems to have changed. */
async function look(again = false) {
  if (isLooking && again !== true) return;
  isLooking = true;
  try { take(await ask("live", { busy: isBusy ? 1 : "", again: again === true ? 1 : "" })); } catch { /* the live mark says that nobody answers */ }
  isLooking = false;
}
document.addEventListener("dataver:live", (event) => { isBusy = event.detail.action?.state === "running"; if (!document.hidden) look(); });
document.addEventListener("dataver:changed", () => look());
document.addEventListener("dataver:acted", (event) => {
  isBusy = false;
  look(true);
  if (now.remote === "known" && /^dataver (push|gc)/.test(event.detail.command)) askRemote(); // it was asked before, so the answer is kept true
  cache.renew();
});

function showView() {
  const isCache = state.view === "cache";
  test("files-view").hidden = isCache;
  test("cache-view").hidden = !isCache;
  test("problems").hidden = isCache || !test("problems").childElementCount;
  test("data-actions").hidden = isCache;
  for (const button of document.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === state.view));
  showCommand(isCache ? `dataver gc -w${body.dataset.git === "1" ? " -a -T --all-experiments" : ""} --dry -v` : "dataver data status --granular");
  if (isCache) cache.show();
}
for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => { state.view = button.dataset.view; writeAddress(true); showView(); });
let typing = null;
test("data-search").addEventListener("input", (event) => { clearTimeout(typing); typing = setTimeout(() => { state.q = event.target.value; writeAddress(); search(); }, SEARCH_MS); });
test("data-search").addEventListener("keydown", (event) => {
  if (event.key === "Escape") clearSearch();
  else if (event.key === "ArrowDown" || event.key === "Enter") { event.preventDefault(); test("data-tree").focus(); }
});
addEventListener("popstate", () => { readAddress(); test("data-search").value = state.q; showView(); search(); showStates(); if (state.path) tree.select(state.path, false); panel.show(state.path); });
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select, dialog[open]") || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "n") { event.preventDefault(); openAdd({ ask }); }
  else if (event.key === "v") { state.view = state.view === "cache" ? "files" : "cache"; writeAddress(true); showView(); }
  else if (event.key === "Escape" && !test("data-panel").hidden) panel.close();
});

followActions(test("data-progress"));
readAddress();
test("data-search").value = state.q;
tree.start({ version: page.version, total: page.total, rows: page.rows });
showTotals();
showView();
search();
showFound();
if (state.path) { tree.reveal(state.path); panel.show(state.path); }
if (page.checking) timer = setTimeout(look, ASK_MS);
ready();
