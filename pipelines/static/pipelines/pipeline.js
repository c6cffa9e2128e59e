// The pipeline: draws the graph, follows the workspace, keeps zoom, selection and focus while it does.
import { el, getJSON, icon, onChange, problemCard, ready } from "../launcher/frame.js";
import { act, cancel, commandOf, progressText } from "../launcher/actions.js";
import { curve, layOut, visible, WORST } from "./graphlayout.js";
import { Lanes } from "./lanes.js";
import { openRunDialog } from "./rundialog.js";
import { panelContent } from "./stagepanel.js";
import { addStage, editPipeline, jobsChoice, runChanged, stageButtons } from "./stageactions.js";
import { formatDuration, look, stateLabel } from "./stagestate.js";
import { Viewport } from "./viewport.js";

const SHOW_UNCHECKED_MS = 300; // the graph without states, when working them out takes longer
const MINIMAP_FROM = 30; // nodes
const OPEN_GROUPS_UP_TO = 3; // stages; larger groups start as one node
const TIMEOUT_MS = 600000; // hashing large data for the first time
const FAR = 0.4; // scale below which nodes are coloured boxes
const RUNNING_MS = 3000;
const SVG = "http://www.w3.org/2000/svg";
const body = document.body;
const find = (id) => document.querySelector(`[data-testid="${id}"]`);
const work = find("work"), canvas = find("canvas"), graph = find("graph"), panel = find("panel"), search = find("find"), mini = find("minimap");

let page = JSON.parse(document.getElementById("pipeline").textContent);
let drawn = { nodes: [], edges: [] };
let layout = null;
let signature = "";
let selected = new URLSearchParams(location.search).get("stage") || "";
let panelShows = "";
let showsData = true;
let isFirst = true; // states are not known yet
let hits = [], hitAt = 0;
const openGroups = new Set(), knownGroups = new Set();
const elements = new Map(); // id -> button
const lanes = new Lanes(find("lanes"));
let acting = null; // the action of a page that runs stages now

const view = new Viewport(canvas, graph, () => { find("zoom").textContent = `${Math.round(view.scale * 100)} %`; graph.classList.toggle("is-far", view.scale < FAR); drawSeen(); });
const svg = (name, attributes) => {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
};

// --- drawing
function draw() {
  for (const name of new Set(page.nodes.map((node) => node.group).filter(Boolean))) {
    if (knownGroups.has(name)) continue;
    knownGroups.add(name);
    if (page.nodes.filter((node) => node.group === name).length <= OPEN_GROUPS_UP_TO) openGroups.add(name);
  }
  drawn = visible(page, { showsData, openGroups });
  drawHead(); // first: cards of problems take room from the graph
  const next = JSON.stringify([drawn.nodes.map((node) => [node.id, node.kind]), drawn.edges]);
  if (next === signature) for (const node of drawn.nodes) fill(elements.get(node.id), node);
  else { signature = next; place(); }
  drawEdges();
  markHits();
  showPanel();
  drawMini();
}

function place() {
  const focused = document.activeElement && document.activeElement.dataset.id;
  layout = layOut(drawn, openGroups);
  elements.clear();
  const boxes = layout.groups.map(frame);
  const nodes = drawn.nodes.map((node) => {
    const { x, y } = layout.nodes.get(node.id);
    const button = el("button", { type: "button", "data-id": node.id, "data-testid": "node" });
    button.style.left = `${x}px`;
    button.style.top = `${y}px`;
    elements.set(node.id, button);
    fill(button, node);
    return button;
  });
  graph.replaceChildren(svg("svg", { class: "edges", width: layout.width, height: layout.height, "aria-hidden": "true" }), ...boxes, ...nodes);
  view.size = { width: layout.width, height: layout.height };
  if (!view.touched) start();
  if (focused && elements.has(focused)) elements.get(focused).focus({ preventScroll: true });
}

/** Where to look first: at the selection, at what is wrong, at what would run, at the beginning. */
function start() {
  const of = (name) => drawn.nodes.find((node) => node.state === name)?.id;
  const id = (layout.nodes.has(selected) && selected) || WORST.map(of).find((found) => found !== undefined);
  view.start(layout.nodes.get(id));
}

function frame({ id, x, y, width, height }) {
  const button = el("button", { type: "button", "data-testid": "collapse-group", title: "Collapse the group", onclick: () => setGroup(id, false) }, icon("minus", "i-sm"), id);
  const box = el("div", { class: "frame-box", "data-group": id }, button);
  Object.assign(box.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
  return box;
}

function fill(button, node) {
  const { word, tone, isDashed } = look(node.state);
  const last = node.members ? `×${node.members.length}` : duration(node);
  const said = JSON.stringify([node.name, node.state, node.note, last]);
  button.classList.toggle("is-sel", node.id === selected);
  button.setAttribute("aria-pressed", String(node.id === selected));
  if (button.dataset.said === said) return;
  Object.assign(button.dataset, { said, state: node.state });
  if (node.kind === "data") {
    const isFine = node.state === "up to date" || node.state === "not checked";
    button.className = `dnode${node.id === selected ? " is-sel" : ""}`;
    button.title = `${node.id}: ${word}${node.note ? `, ${node.note}` : ""}`;
    button.replaceChildren(icon("data"), el("span", { class: "trunc mono" }, dataName(node)), isFine ? "" : el("span", { class: `state is-${tone}` }, icon(look(node.state).symbol), word));
    return;
  }
  button.className = `node n-${tone}${isDashed ? " n-dash" : ""}${node.members ? " is-group" : ""}${node.id === selected ? " is-sel" : ""}`;
  button.title = `${node.id}: ${word}${node.note ? `, ${node.note}` : ""}`;
  button.replaceChildren(
    el("span", { class: "row" }, el("span", { class: "strong trunc grow" }, node.name), el("span", { class: "t3 sm nowrap" }, last)),
    stateLabel(node.state),
    node.state === "running" && node.median_s ? progress(node) : el("span", { class: "sm t2 trunc" }, node.note || { "up to date": "nothing changed", "never run": "no entry in dvc.lock", running: since(node) }[node.state] || ""));
}
/** How far a stage is, by what it took before. */
function progress(node) {
  const started = node.executions[0]?.started_at;
  const share = started ? Math.min(0.99, (Date.now() - new Date(started)) / 1000 / node.median_s) : 0;
  const bar = el("i");
  bar.style.setProperty("--v", `${Math.round(share * 100)}%`);
  return el("span", { class: "row sm t2" }, el("span", { class: "bar grow" }, bar), `about ${Math.round(share * 100)} %`);
}
function since(node) {
  const started = node.executions?.[0]?.started_at;
  return started ? `since ${new Date(started).toTimeString().slice(0, 8)}` : "";
}
/** Of a stage that runs how long it has so far, of others how long it took last. */
function duration(node) {
  const started = node.state === "running" && node.executions[0]?.started_at;
  return formatDuration(started ? Math.max((Date.now() - new Date(started)) / 1000, 0) : node.executions.find((item) => item.seconds !== null)?.seconds);
}
const dataName = (node) => node.id.replace(/\.dvc$/, "").split("/").pop();

function drawEdges() {
  const sheet = graph.querySelector("svg.edges");
  if (!sheet) return;
  const states = new Map(drawn.nodes.map((node) => [node.id, node.state]));
  const children = [];
  for (const { from, to, points } of layout.edges) {
    const tone = from === selected || to === selected ? " e-sel" : states.get(to) === "running" ? " e-run" : states.get(from) === "failed" && states.get(to) === "blocked" ? " e-bad" : "";
    const { path, arrow } = curve(layout.nodes.get(from), layout.nodes.get(to), points);
    children.push(svg("path", { class: `ed${tone}`, d: path, "data-from": from, "data-to": to }), svg("path", { class: `ar${tone}`, d: arrow }));
  }
  sheet.replaceChildren(...children);
}

function drawHead() {
  find("counts").replaceChildren(...Object.entries(page.counts).filter(([state]) => state !== "not checked").map(([state, count]) => stateLabel(state, { text: `${count} ${look(state).word.toLowerCase()}` })));
  if (isFirst && page.nodes.length) find("counts").replaceChildren(stateLabel("running", { text: page.checking?.label ? `Checking: ${progressText({ seconds: 0, ...page.checking })}` : "Checking what changed" }));
  const problems = find("problems");
  const said = JSON.stringify(page.problems);
  if (problems.dataset.said !== said) {
    problems.dataset.said = said;
    problems.replaceChildren(...page.problems.map(problemCard));
    problems.hidden = page.problems.length === 0;
  }
  const nothing = page.nodes.length === 0;
  find("empty").hidden = !nothing || page.problems.length > 0;
  for (const id of ["canvas", "find-box", "zoom-box"]) find(id).hidden = nothing;
  const groups = [...knownGroups].filter((name) => page.nodes.some((node) => node.group === name));
  const allOpen = groups.length > 0 && groups.every((name) => openGroups.has(name));
  find("toggle-groups").hidden = groups.length === 0;
  find("toggle-groups").setAttribute("aria-pressed", String(allOpen));
  find("toggle-data").hidden = !page.nodes.some((node) => node.kind === "data");
  find("toggle-data").setAttribute("aria-pressed", String(showsData));
  const run = find("to-run");
  run.hidden = !page.running;
  if (page.running) run.href = `${body.dataset.runs}/${encodeURIComponent(page.running)}`;
  drawActions();
}
function drawActions() {
  const count = page.nodes.filter((node) => node.kind === "stage" && ["changed", "upstream changed", "never run", "failed", "blocked"].includes(node.state)).length;
  const argv = runChanged(page.files ?? []);
  const button = find("run-changed");
  button.hidden = !page.nodes.some((node) => node.kind === "stage");
  button.disabled = Boolean(page.running) || !page.checked || page.problems.length > 0;
  button.title = commandOf(argv);
  find("run-changed-words").textContent = count ? "Run changed" : "Run all";
  find("run-changed-count").textContent = count || "";
  find("jobs-box").hidden = find("run-dialog").hidden = button.hidden;
  const stop = find("stop-all");
  stop.hidden = !(page.running && acting);
  if (acting) stop.title = `Interrupt ${acting.command}, as Ctrl-C does`;
  lanes.show(page.run ?? null, choose);
}
find("jobs-box").append(jobsChoice(drawActions));
find("run-changed").addEventListener("click", () => act(runChanged(page.files)));
find("run-changed").addEventListener("pointerenter", drawActions);
find("stop-all").addEventListener("click", () => acting && cancel(acting));
find("add-stage").addEventListener("click", addStage);
find("add-first").addEventListener("click", addStage);
find("edit-file").addEventListener("click", () => editPipeline((page.files ?? [])[0] ?? "dvc.yaml"));
document.addEventListener("dataver:live", ({ detail: { action } }) => {
  const runs = action && action.state === "running" && /^dataver (repro|exp run)\b/.test(action.command) ? action : null;
  if ((runs && runs.id) === (acting && acting.id)) return;
  acting = runs;
  panelShows = "";
  drawActions();
  showPanel();
});
find("run-dialog").addEventListener("click", () => openRunDialog({}));

// --- minimap
function drawMini() {
  mini.hidden = drawn.nodes.length <= MINIMAP_FROM;
  if (mini.hidden) return;
  const sheet = svg("svg", { viewBox: `0 0 ${layout.width} ${layout.height}` });
  for (const node of drawn.nodes) {
    const { x, y, width, height } = layout.nodes.get(node.id);
    sheet.append(svg("rect", { class: `m-${look(node.state).tone}`, x, y, width, height, rx: 8 }));
  }
  sheet.append(svg("rect", { class: "seen" }));
  mini.replaceChildren(sheet);
  drawSeen();
}
function drawSeen() {
  const seen = mini.querySelector(".seen");
  if (!seen || mini.hidden) return;
  const values = { x: -view.x / view.scale, y: -view.y / view.scale, width: canvas.clientWidth / view.scale, height: canvas.clientHeight / view.scale };
  for (const [name, value] of Object.entries(values)) seen.setAttribute(name, value);
}
mini.addEventListener("pointerdown", (event) => {
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(mini.firstElementChild.getScreenCTM().inverse());
  const scale = view.scale;
  view.x = canvas.clientWidth / 2 - at.x * scale;
  view.y = canvas.clientHeight / 2 - at.y * scale;
  view.touched = true;
  view.apply();
});

// --- selection and panel
const nodeOf = (id) => drawn.nodes.find((node) => node.id === id);
function select(id, { moves = true } = {}) {
  selected = id;
  const address = new URL(location.href);
  if (id) address.searchParams.set("stage", id); else address.searchParams.delete("stage");
  history.replaceState(null, "", address);
  for (const node of drawn.nodes) fill(elements.get(node.id), node);
  drawEdges();
  showPanel();
  if (id && moves && layout.nodes.has(id)) view.reveal(layout.nodes.get(id));
}
function choose(id) {
  const node = page.nodes.find((item) => item.id === id);
  if (node && !nodeOf(id)) {
    if (node.group) openGroups.add(node.group);
    if (node.kind === "data") showsData = true;
    draw();
  }
  select(id);
  elements.get(id)?.focus({ preventScroll: true });
}
function setGroup(name, isOpen, then = "") {
  if (isOpen) openGroups.add(name); else openGroups.delete(name);
  const before = nodeOf(selected);
  if (!isOpen && before && before.group === name) selected = name;
  if (isOpen && selected === name) selected = then || drawn.nodes.find((node) => node.id === name)?.members?.[0]?.id || "";
  draw();
  if (selected) select(selected);
  (elements.get(selected) ?? canvas).focus({ preventScroll: true });
}
function close() {
  const id = selected;
  select("");
  (elements.get(id) ?? canvas).focus({ preventScroll: true });
}
function showPanel() {
  const node = selected && nodeOf(selected);
  const said = node ? JSON.stringify([node, page.running, acting && acting.id]) : "";
  if (said === panelShows) return;
  const isSame = node && panel.dataset.id === node.id;
  const top = isSame ? panel.querySelector(".db").scrollTop : 0;
  const focus = panel.contains(document.activeElement) ? document.activeElement.dataset.testid : "";
  panelShows = said;
  const width = canvas.clientWidth;
  panel.hidden = !node;
  work.classList.toggle("has-panel", Boolean(node));
  if (node) {
    panel.dataset.id = node.id;
    panel.setAttribute("aria-label", node.name);
    const buttons = node.members ? [] : stageButtons(node, { isRunning: Boolean(page.running), stop: acting, reload: load });
    panel.replaceChildren(...panelContent(node, page, { buttons, runs: body.dataset.runs, choose, expand: (name, member) => setGroup(name, true, member), collapse: (name) => setGroup(name, false), close }));
    panel.querySelector(".db").scrollTop = top;
    if (focus) panel.querySelector(`[data-testid="${focus}"]`)?.focus({ preventScroll: true });
  } else panel.replaceChildren();
  if (canvas.clientWidth !== width && !view.touched) start();
}

graph.addEventListener("click", (event) => {
  const button = event.target.closest("[data-id]");
  if (button) select(button.dataset.id);
});
graph.addEventListener("dblclick", (event) => {
  const node = nodeOf(event.target.closest("[data-id]")?.dataset.id);
  if (node && node.members) setGroup(node.id, true);
});
graph.addEventListener("focusin", (event) => {
  const id = event.target.dataset.id;
  canvas.scrollLeft = canvas.scrollTop = 0; // the browser scrolls a focused child into view; the viewport does that
  if (id && layout.nodes.has(id) && event.target.matches(":focus-visible")) view.reveal(layout.nodes.get(id));
});
find("zoom-in").addEventListener("click", () => view.zoomBy(1.25));
find("zoom-out").addEventListener("click", () => view.zoomBy(0.8));
find("fit").addEventListener("click", () => view.fit());
find("toggle-data").addEventListener("click", () => { showsData = !showsData; draw(); });
find("toggle-groups").addEventListener("click", () => {
  const all = find("toggle-groups").getAttribute("aria-pressed") !== "true";
  for (const name of knownGroups) if (all) openGroups.add(name); else openGroups.delete(name);
  draw();
});
addEventListener("resize", () => { if (!view.touched) start(); else drawSeen(); });

// --- search
function markHits() {
  const word = search.value.trim().toLowerCase();
  const matches = (node) => node.id.toLowerCase().includes(word) || (node.members ?? []).some((member) => member.id.toLowerCase().includes(word));
  hits = word ? drawn.nodes.filter(matches).map((node) => node.id) : [];
  for (const [id, button] of elements) button.classList.toggle("is-hit", hits.includes(id));
  find("found").textContent = word ? (hits.length ? `${Math.min(hitAt, hits.length - 1) + 1} of ${hits.length}` : "none") : "";
}
function showHit() { markHits(); if (hits.length) view.center(layout.nodes.get(hits[hitAt % hits.length])); }
search.addEventListener("input", () => { hitAt = 0; showHit(); });
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && hits.length) {
    const id = hits[hitAt % hits.length];
    if (id === selected || event.shiftKey) { hitAt = (hitAt + (event.shiftKey ? hits.length - 1 : 1)) % hits.length; showHit(); }
    select(hits[hitAt % hits.length], { moves: false });
  } else if (event.key === "ArrowDown" && hits.length) { event.preventDefault(); elements.get(hits[hitAt % hits.length]).focus({ preventScroll: true }); }
  else if (event.key === "Escape") { search.value = ""; markHits(); canvas.focus(); event.stopPropagation(); }
});

// --- keyboard
function neighbour(id, key) {
  const here = layout.nodes.get(id);
  const middle = (place) => place.y + place.height / 2;
  const linked = key === "ArrowRight" ? drawn.edges.filter(([from]) => from === id).map(([, to]) => to) : key === "ArrowLeft" ? drawn.edges.filter(([, to]) => to === id).map(([from]) => from) : [];
  if (key === "ArrowRight" || key === "ArrowLeft") return linked.sort((a, b) => Math.abs(middle(layout.nodes.get(a)) - middle(here)) - Math.abs(middle(layout.nodes.get(b)) - middle(here)))[0];
  const sign = key === "ArrowDown" ? 1 : -1;
  const distance = (place) => Math.abs(place.x + place.width / 2 - here.x - here.width / 2) * 3 + Math.abs(middle(place) - middle(here));
  return [...layout.nodes].filter(([, place]) => sign * (middle(place) - middle(here)) > 4).sort(([, a], [, b]) => distance(a) - distance(b))[0]?.[0];
}
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select, dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "+" || event.key === "=") view.zoomBy(1.25);
  else if (event.key === "-") view.zoomBy(0.8);
  else if (event.key === "f") view.fit();
  else if (event.key === "Escape" && selected) close();
  else if (event.key === "x") {
    const node = nodeOf(event.target.dataset?.id || selected);
    if (node?.group) setGroup(node.group, Boolean(node.members));
  } else if (event.key.startsWith("Arrow") && !event.target.closest(".dp, .problems") && layout && drawn.nodes.length) {
    const id = event.target.dataset?.id || (layout.nodes.has(selected) ? selected : "");
    const next = id ? neighbour(id, event.key) : drawn.nodes[0].id;
    if (next) { elements.get(next).focus({ preventScroll: true }); view.reveal(layout.nodes.get(next)); if (selected) select(next); }
    event.preventDefault();
  }
});

// --- following the workspace
let busy = false, again = false;
async function load() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    do {
      again = false;
      page = await getJSON(body.dataset.source, { timeout: TIMEOUT_MS });
      isFirst = page.checking !== null; // it takes longer: the graph meanwhile
      draw();
      again = again || isFirst;
    } while (again);
  } catch (error) {
    isFirst = false;
    if (error.status !== undefined) { page = { ...page, problems: [{ where: "", reason: error.message, hint: "What is shown may be out of date." }] }; drawHead(); }
  } finally { busy = false; }
}
onChange(load);
setInterval(() => { for (const node of drawn.nodes) if (node.state === "running" && !node.members) fill(elements.get(node.id), node); }, 1000);
setInterval(() => { if (page.running && !document.hidden) load(); }, RUNNING_MS); // a run whose process was killed changes no file
const early = setTimeout(draw, SHOW_UNCHECKED_MS);
await load();
clearTimeout(early);
if (!layout) draw();
if (selected) { if (page.nodes.some((node) => node.id === selected)) choose(selected); else select(""); }
ready();
