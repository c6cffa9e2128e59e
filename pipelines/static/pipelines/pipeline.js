// The pipeline: draws the graph, follows the workspace, keeps zoom, selection and focus while it does.
import { actionButton, progressText } from "../launcher/actions.js";
import { el, getJSON, icon, onChange, problemCard, ready } from "../launcher/frame.js";
import { curve, layOut, visible, WORST } from "./graphlayout.js";
import { Lanes } from "./lanes.js";
import { Minimap, svg } from "./minimap.js";
import { openEditor } from "./pipelineeditor.js";
import { menuButton } from "./rowmenu.js";
import { openRunDialog } from "./rundialog.js";
import { buttonsOf, jobsChoice, reproAll, Running, wouldRun } from "./stageactions.js";
import { openStageForm } from "./stageform.js";
import { StagePanel, stepsText } from "./stagepanel.js";
import { shortCause } from "./queuelinks.js";
import { here, look, stateLabel } from "./stagestate.js";
import { duration as formatDuration } from "./times.js";
import { Viewport } from "./viewport.js";

const SHOW_UNCHECKED_MS = 300; // the graph without states, when working them out takes longer
const OPEN_GROUPS_UP_TO = 3; // stages; larger groups start as one node
const TIMEOUT_MS = 600000; // hashing large data for the first time
const FAR = 0.4; // scale below which nodes are coloured boxes
const NOTE_SHOWN = 26; // characters
const RUNNING_MS = 3000;
const LANES_MS = 21000; // how long a run that is over keeps its lanes
const body = document.body;
const find = (id) => document.querySelector(`[data-testid="${id}"]`);
const work = find("work"), canvas = find("canvas"), graph = find("graph"), panel = find("panel"), search = find("find");

let page = JSON.parse(document.getElementById("pipeline").textContent);
let drawn = { nodes: [], edges: [] };
let layout = null;
let signature = "";
let selected = new URLSearchParams(location.search).get("stage") || "";
let showsData = true;
let isFirst = true; // states are not known yet
let hits = [], hitAt = 0;
const openGroups = new Set(), knownGroups = new Set();
const elements = new Map(); // id -> button

let shownScale = 0;
const view = new Viewport(canvas, graph, () => {
  if (view.scale !== shownScale) { shownScale = view.scale; find("zoom").textContent = `${Math.round(view.scale * 100)} %`; graph.classList.toggle("is-far", view.scale < FAR); }
  mini.move();
});
const mini = new Minimap(find("minimap"), view, canvas);
const lanes = new Lanes(find("lanes"), (id) => choose(id));
const running = new Running(() => { drawHead(); showPanel(); });
const about = new StagePanel(panel, {
  runs: body.dataset.runs, choose, close, expand: (name, member) => setGroup(name, true, member), collapse: (name) => setGroup(name, false),
  busy: () => [running.isBusy, Boolean(running.item)], buttons: (node) => buttonsOf(node, { running, removed: () => select("") }),
});

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
  mini.draw(drawn.nodes, layout);
  const steps = new Map(page.nodes.filter((node) => node.progress).map((node) => [node.id, stepsText(node.progress)]));
  if (lanes.update(page.run, steps, page.running && running.item?.command) && !view.touched) start();
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
  const button = el("button", { type: "button", "data-testid": "collapse-group", title: `Collapse the group ${id}`, onclick: () => setGroup(id, false) }, icon("minus", "i-sm"), el("span", { class: "trunc" }, id.slice(id.lastIndexOf(":") + 1)));
  const box = el("div", { class: "frame-box", "data-group": id }, button);
  Object.assign(box.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
  return box;
}

function fill(button, node) {
  const { word, tone, isDashed } = look(node.state);
  const last = node.members ? `×${node.members.length}` : duration(node);
  const said = JSON.stringify([node.name, node.state, node.note, last, node.progress]);
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
    el("span", { class: "row" }, el("span", { class: "strong trunc grow" }, ends(node.name, last ? 15 : 20)), el("span", { class: "t3 sm nowrap" }, last)),
    stateLabel(node.state),
    node.state === "running" ? progress(node) : el("span", { class: "sm t2 trunc" }, short(shortCause(node.note)) || { "up to date": "nothing changed", "never run": "no entry in dvc.lock" }[node.state] || ""));
}
/** Of a long name both ends: the last letters tell the stages of a project apart. */
const ends = (name, room) => (name.length > room ? `${name.slice(0, room - 8)}…${name.slice(-7)}` : name);
/** Of a long note's path the file. */
const short = (note) => (note.length > NOTE_SHOWN ? note.replace(/\S+\//g, "…/") : note);
/** Steps where something tells them, else how long it takes usually, else since when. */
function progress(node) {
  const { done = 0, total = null } = node.progress ?? {};
  const usual = node.median_s, seconds = elapsed(node);
  if (!total && !(usual > 1 && seconds !== null)) return el("span", { class: "sm t2 trunc" }, node.progress ? `${done} ${node.progress.unit}s` : since(node));
  const left = usual - seconds;
  const bar = el("span", { class: "bar grow" }, el("i"));
  bar.style.setProperty("--v", `${Math.min(100, total ? done / total * 100 : Math.min(seconds / usual, 0.97) * 100)}%`);
  return el("span", { class: "row sm" }, bar, el("span", { class: "t2 nowrap" }, total ? stepsText(node.progress) : left > 1 ? `about ${formatDuration(Math.round(left))} left` : "longer than usual"));
}
function since(node) {
  const started = here(node)[0]?.started_at;
  return started ? `since ${new Date(started).toTimeString().slice(0, 8)}` : "";
}
/** Of a stage that runs how long it has so far, of others how long it took last. */
function duration(node) {
  return formatDuration(elapsed(node) ?? [...here(node), ...node.executions].find((item) => item.seconds !== null)?.seconds);
}
function elapsed(node) {
  const started = node.state === "running" && here(node)[0]?.started_at;
  return started ? Math.max((Date.now() - new Date(started)) / 1000, 0) : null;
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
  const checked = page.checking ? progressText(page.checking).replace(/^\w/, (letter) => letter.toLowerCase()) : "";
  if ((isFirst || page.checking) && page.nodes.length) find("counts").replaceChildren(stateLabel("running", { text: checked ? `Checking what changed: ${checked}` : "Checking what changed" }));
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
  find("stop-all").hidden = !running.item;
  find("run-box").hidden = nothing || page.problems.length > 0;
  const count = wouldRun(page);
  runAll.disabled = running.isBusy || (page.checked && count === 0);
  runAll.title = page.checked && count === 0 ? "Everything is up to date" : `dataver ${reproAll(page).join(" ")}`;
  runAll.querySelector(".n").textContent = page.checked && count ? String(count) : "";
}

// --- what the whole pipeline can do
const runAll = actionButton("", () => reproAll(page), { symbol: "play", classes: "btn-primary", testid: "run-changed", run: (argv) => running.start(argv) });
runAll.append("Run changed", el("span", { class: "n" }));
find("run-box").append(jobsChoice(() => drawHead()), runAll);
find("stop-all").addEventListener("click", () => running.stop());
find("more-box").append(menuButton("More", () => [
  ...page.files.slice(1, 12).map((file) => ({ label: `Edit ${file}`, symbol: "edit", testid: "edit-other", run: () => openEditor(file) })),
  ...(running.isBusy || page.nodes.length === 0 ? [] : [{ label: "Run with other params…", symbol: "param", testid: "run-dialog", run: () => openRunDialog({}) }, null, { label: "Run everything, changed or not", symbol: "zap", argv: reproAll(page, "-f"), testid: "run-force-all", run: (argv) => running.start(argv) },
    { label: "Run changed, go on after a failure", symbol: "arrow-r", argv: reproAll(page, "-k"), testid: "run-keep-going", run: (argv) => running.start(argv) }]),
], "pipeline-more"));
find("edit-file").addEventListener("click", () => openEditor(page.files[0] ?? "dvc.yaml"));
find("add-stage").addEventListener("click", addStage);
find("add-first").addEventListener("click", addStage);
async function addStage() {
  const name = await openStageForm(page.nodes.filter((node) => node.file === "dvc.yaml").map((node) => node.name));
  if (!name) return;
  await load();
  choose(name);
}

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
  const node = (selected && nodeOf(selected)) || null;
  const width = canvas.clientWidth;
  work.classList.toggle("has-panel", Boolean(node));
  about.show(node);
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
addEventListener("resize", () => { if (!view.touched) start(); else mini.move(); });

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
let busy = null, again = false;
/** Ask for states until they are known; who calls while one asks waits for one more answer. */
function load() {
  if (busy) again = true; else busy = follow().finally(() => { busy = null; });
  return busy;
}
async function follow() {
  do {
    again = false;
    try {
      for (let next = { checking: { ticket: 0 } }; next.checking;) { // to the end, also when files change meanwhile: what comes then is asked for afterwards
        const address = new URL(body.dataset.source, location.href);
        if (next.checking.ticket) address.searchParams.set("ticket", next.checking.ticket);
        next = await getJSON(address, { timeout: TIMEOUT_MS });
        take(next);
      }
    } catch (error) {
      isFirst = false;
      if (error.status !== undefined) { page = { ...page, checking: null, problems: [{ where: "", reason: error.message, hint: "What is shown may be out of date." }] }; drawHead(); }
    }
  } while (again);
}
function take(next) {
  if (next.checking) { // the states there are stay, if the graph is the same
    const known = new Map(page.checked || !isFirst ? page.nodes.map((node) => [node.id, node]) : []);
    next.nodes = next.nodes.map((node) => known.get(node.id) ?? node);
    if (known.size) next.counts = page.counts;
  } else isFirst = false;
  if (page.running && !next.running) setTimeout(load, LANES_MS);
  page = next;
  draw();
  running.tell(page.running);
}
onChange(load);
setInterval(() => { lanes.tick(); for (const node of drawn.nodes) if (node.state === "running" && !node.members) fill(elements.get(node.id), node); }, 1000);
setInterval(() => { if ((page.running || running.item) && !document.hidden) load(); }, RUNNING_MS); // a run whose process was killed changes no file
const early = setTimeout(draw, SHOW_UNCHECKED_MS);
const first = load();
await Promise.race([first, new Promise((resolve) => setTimeout(resolve, SHOW_UNCHECKED_MS * 3))]); // a first hashing may take long: the graph is there
clearTimeout(early);
if (!layout) draw();
if (selected) { if (page.nodes.some((node) => node.id === selected)) choose(selected); else select(""); }
ready();
