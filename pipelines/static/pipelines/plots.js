// The page of plots: revisions at the left, the tree below them, cards that are drawn when they come into view.
import { copy, el, getJSON, icon, onChange, problemCard, ready, showCommand } from "../launcher/frame.js";
import { chartBox, hideTip, loadSoon, swatch } from "./charts.js";
import { imageRow } from "./plotimages.js";
import { Card } from "./plotcard.js";
import { exportCard } from "./plotmenus.js";
import { columnsNow, ordered, placeCard } from "./plotlayout.js";
import { byId, cardQuestions, named, onPoint, paramsOf, point, state, store, URLS } from "./plotstate.js";
import { startChoices } from "./plotchoices.js";
import { startGrouping } from "./plotgroups.js";
import { addChart, customPlots, onPlotBrushed, RunsCard } from "./runcharts.js";

const AT_ONCE = 3; // cards of one request; the first ones, which somebody waits for, come alone
const SENDERS = 2; // the server reads some while others are drawn
const SECTIONS = ["series", "images", "custom", "system"];
const WORDS = { series: "series", images: "images", custom: "charts over all runs", system: "system metrics" };
const grid = byId("grid");
const gridBox = byId("grid-box");
const series = store.get("series", {}); // id of a revision -> number of its colour
const hidden = new Set(store.get("hidden", []));
const folded = new Set(store.get("folded", []));
const pinned = new Set(store.get("pinned", [])); // names of revisions that stay whatever else is shown
const cards = new Map(); // id -> Card
let section = SECTIONS.includes(new URLSearchParams(location.search).get("section")) ? new URLSearchParams(location.search).get("section") : "all";
const LAST = { custom: 1, system: 2 };
const plots = () => [...state.page.plots, ...customPlots()].sort((one, other) => (LAST[one.kind] || 0) - (LAST[other.kind] || 0));

// --- asking for cards
const waiting = new Set();
let asking = null;
let senders = 0;
let hasDrawn = false;
function ask(card) {
  waiting.add(card);
  if (!asking) asking = setTimeout(() => { asking = null; while (senders < SENDERS && waiting.size) sendAll(); }, 20);
}
async function sendAll() {
  senders += 1;
  for (let count = hasDrawn ? AT_ONCE : 1; waiting.size; count = AT_ONCE) {
    const part = [...waiting].slice(0, count);
    for (const card of part) waiting.delete(card);
    await Promise.all([send(part.filter((card) => !card.load)), ...part.filter((card) => card.load).map(sendOne)]);
  }
  senders -= 1;
}
async function send(part) {
  if (!part.length) return;
  const asked = state.generation;
  const params = cardQuestions();
  const wanted = part.map((card) => { card.generation = asked; return [card.wanted, card.x]; });
  for (const [id, x] of wanted) { params.append("id", id); params.append("x", x); }
  try {
    const answer = await getJSON(`${URLS.cards}?${params}`);
    if (asked !== state.generation) return;
    for (const [index, card] of part.entries()) {
      if (asked !== state.generation) return;
      if (card.wanted === wanted[index][0] && card.x === wanted[index][1]) await card.show(answer.cards[index]);
      hasDrawn = true;
      await new Promise((resume) => setTimeout(resume)); // let the browser show the card: those that follow take as long again
    }
  } catch (error) {
    for (const card of part) card.fail(error);
  }
}
async function sendOne(card) {
  const asked = state.generation;
  card.generation = asked;
  const before = card.chart;
  try {
    const data = await card.load();
    if (asked === state.generation && before === card.chart) await card.show(data);
  } catch (error) { card.fail(error); }
}
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const card = cards.get(entry.target.dataset.id);
    if (card) { card.isSeen = entry.isIntersecting; if (card.isSeen && card.generation !== state.generation) ask(card); }
  }
}, { root: gridBox, rootMargin: "240px" });
function askSeen() { for (const card of cards.values()) if (card.isSeen) ask(card); }

// --- revisions
onPoint(({ rev }) => { for (const node of document.querySelectorAll(".rcx")) node.classList.toggle("hov", node.dataset.rev === rev); });
let shownRevisions = "";
function showRevisions() {
  const { revisions } = state.page;
  byId("revision-count").textContent = String(revisions.length);
  const text = JSON.stringify([revisions, [...pinned]]);
  if (text === shownRevisions) return;
  shownRevisions = text;
  const focused = document.activeElement?.closest?.(".rcx")?.dataset.rev, button = document.activeElement?.dataset?.testid;
  byId("revisions").replaceChildren(...revisions.map((chip) => {
    const mark = chip.id ? swatch(chip.series) : icon("warn");
    const isPinned = pinned.has(chip.name);
    const pin = el("button", { type: "button", class: "x pin", "data-testid": "pin-revision", "aria-pressed": String(isPinned), title: isPinned ? `Unpin ${chip.name}` : `Pin ${chip.name}: it stays, whatever else is shown`, "aria-label": `Pin ${chip.name}`, onclick: () => togglePin(chip.name) }, icon("star"));
    const remove = el("button", { type: "button", class: "x", "data-testid": "remove-revision", title: `Remove ${chip.name}`, "aria-label": `Remove ${chip.name}`, onclick: () => { pinned.delete(chip.name); store.set("pinned", [...pinned]); changeRevisions(revisions.filter((other) => other !== chip).map((other) => other.name)); } }, icon("x"));
    const said = paramsOf(chip, 1).map((text) => [el("span", { class: "trunc" }, text.slice(0, text.indexOf(" "))), el("span", { class: "said-value" }, text.slice(text.indexOf(" ") + 1))]).flat();
    return el("li", { class: `rcx${chip.id ? "" : " is-lost"}${isPinned ? " is-pinned" : ""}`, "data-testid": "revision", "data-rev": chip.name, title: [chip.name, chip.subject, ...chip.params.map(([name, value]) => `${name} = ${value === null ? "none" : value}`), chip.problem].filter(Boolean).join("\n"), onmouseenter: () => point(chip.name), onmouseleave: () => point("") },
      mark, el("span", { class: "trunc name" }, chip.name), chip.kind === "running" ? el("span", { class: "state is-run sm", "data-testid": "revision-running" }, icon("run", "spin"), "Running") : null, el("span", { class: "grow" }), chip.kind === "running" ? null : chip.problem || !said.length ? el("span", { class: "sm t3 trunc sub" }, chip.problem ? (chip.kind === "commit" ? "not found" : chip.kind) : chip.subject) : el("span", { class: "sm t3 sub said" }, ...said), el("span", { class: "chip-tools" }, pin, remove));
  }));
  if (focused) byId("revisions").querySelector(`[data-rev="${CSS.escape(focused)}"] [data-testid="${button}"]`)?.focus();
}
function togglePin(name) {
  if (pinned.has(name)) pinned.delete(name); else pinned.add(name);
  store.set("pinned", [...pinned]);
  const names = state.page.revisions.map((chip) => chip.name);
  changeRevisions([...names.filter((one) => pinned.has(one)), ...names.filter((one) => !pinned.has(one))]);
}
function changeRevisions(names) {
  const params = new URLSearchParams(location.search);
  params.set("revs", names.join(","));
  history.pushState(null, "", `${location.pathname}?${params}`);
  load();
}
async function load() {
  const params = new URLSearchParams(location.search);
  const now = state.page.revisions.map((chip) => chip.name);
  const wanted = [...new Set([...(params.has("revs") ? pinned : []), ...(params.get("revs") ?? now.join(",")).split(",").filter(Boolean)])];
  const known = new Map(state.page.revisions.map((chip) => [chip.name, chip.series]));
  try {
    const asked = new URLSearchParams(params);
    asked.set("revs", wanted.join(","));
    asked.set("series", wanted.map((name) => known.get(name) || "").join(","));
    state.page = await getJSON(`${URLS.page}?${asked}`);
  } catch (error) {
    byId("problems").replaceChildren(problemCard({ where: "Plots", reason: error.message }));
    return;
  }
  showAll();
}
addEventListener("popstate", load);

// --- the tree
const matches = (plot) => byId("find").value.toLowerCase().split(/\s+/).filter(Boolean).every((word) => `${plot.id} ${plot.title}`.toLowerCase().includes(word));
const inSection = (plot) => section === "all" || plot.kind === section;
const isShown = (plot) => inSection(plot) && matches(plot) && !hidden.has(plot.id);

let shownTree = "";
function showTree() {
  const text = JSON.stringify([plots().map((plot) => [plot.id, plot.name, plot.folder, plot.kind, plot.steps.length]), section, byId("find").value, [...hidden]]);
  if (text === shownTree) return; // what has the focus keeps it
  shownTree = text;
  const folders = new Map();
  for (const plot of plots().filter((found) => inSection(found) && matches(found))) folders.set(plot.folder, [...(folders.get(plot.folder) || []), plot]);
  byId("tree").replaceChildren(...[...folders].map(([folder, plots]) => {
    const details = el("details", { class: "fold", open: !folded.has(folder) },
      el("summary", { "data-testid": "folder" }, icon("chev-r", "i-sm"), icon(folder === "dvc.yaml" ? "file" : plots[0].kind === "custom" ? "table" : "folder"), el("span", { class: "trunc", title: folder }, folder || "."), el("span", { class: "grow" }), el("span", { class: "sm t3" }, String(plots.length))),
      el("ul", {}, ...plots.map((plot) => el("li", {}, el("label", { class: "leaf", title: plot.id },
        el("input", { type: "checkbox", "data-testid": "leaf", "data-id": plot.id, checked: !hidden.has(plot.id), onchange: (event) => { if (event.target.checked) hidden.delete(plot.id); else hidden.add(plot.id); store.set("hidden", [...hidden]); showCards(); } }),
        el("span", { class: "trunc" }, plot.name), plot.steps.length ? el("span", { class: "sm t3" }, `${plot.steps.length} steps`) : null)))));
    details.addEventListener("toggle", () => { if (details.open) folded.delete(folder); else folded.add(folder); store.set("folded", [...folded]); });
    return el("li", {}, details);
  }));
}

function showCards() {
  const shown = ordered(plots().filter(isShown));
  const ids = new Set(shown.map((plot) => plot.id));
  for (const [id, card] of cards) if (!ids.has(id)) { watcher.unobserve(card.node); card.end(); cards.delete(id); }
  let before = null;
  for (const plot of shown) {
    let card = cards.get(plot.id);
    if (!card) { card = plot.kind === "custom" ? new RunsCard(plot, hooks) : new Card(plot, hooks); cards.set(plot.id, card); }
    if (before ? before.nextSibling !== card.node : grid.firstChild !== card.node) grid.insertBefore(card.node, before ? before.nextSibling : grid.firstChild);
    watcher.observe(card.node);
    before = card.node;
  }
  const all = plots(), count = all.length;
  byId("count").textContent = shown.length === count ? `${count}` : `${shown.length} of ${count} shown`;
  byId("show-all").hidden = !all.some((plot) => hidden.has(plot.id));
  byId("empty").hidden = count > 0 || state.page.problems.length > 0;
  const why = byId("find").value ? "No plot has such a name." : section !== "all" && !all.some(inSection) ? `There are no ${WORDS[section]} here.${section === "system" ? " DVCLive writes them: Live(monitor_system=True)." : ""}` : "All plots are hidden; tick one in the list.";
  byId("none").hidden = !count || shown.length > 0;
  byId("none").textContent = why;
}
byId("show-all").addEventListener("click", () => { for (const plot of plots()) hidden.delete(plot.id); store.set("hidden", [...hidden]); showTree(); showCards(); });
byId("find").addEventListener("input", () => { showTree(); showCards(); });

// --- head
for (const button of document.querySelectorAll("[data-section]")) button.addEventListener("click", () => {
  section = button.dataset.section;
  const params = new URLSearchParams(location.search);
  if (section === "all") params.delete("section"); else params.set("section", section);
  history.replaceState(null, "", `${location.pathname}${params.size ? `?${params}` : ""}`);
  markSection();
  showTree();
  showCards();
});
function markSection() { for (const button of document.querySelectorAll("[data-section]")) button.setAttribute("aria-pressed", String(button.dataset.section === section)); }
function setColumns(count) {
  grid.dataset.columns = count;
  for (const card of cards.values()) placeCard(card);
  for (const button of document.querySelectorAll("[data-columns]")) if (button !== grid) button.setAttribute("aria-pressed", String(button.dataset.columns === String(count)));
  dispatchEvent(new Event("resize")); // charts fit their box anew
}
for (const button of document.querySelectorAll("button[data-columns]")) button.addEventListener("click", () => { setColumns(Number(button.dataset.columns)); store.set("columns", Number(button.dataset.columns)); });
byId("copy-link").addEventListener("click", () => {
  const params = new URLSearchParams(location.search);
  params.set("revs", state.page.revisions.map((chip) => chip.name).join(","));
  copy(`${location.origin}${location.pathname}?${params}`);
});
byId("export-menu").addEventListener("toggle", () => {
  for (const [id, more] of [["export-page", "-o plots_page"], ["export-pictures", "--export plots_pictures"]]) {
    byId(id).textContent = byId(id).nextElementSibling.dataset.copy = `${state.page.command} ${more}`;
  }
});
for (const button of document.querySelectorAll("[data-export]")) button.addEventListener("click", async () => {
  byId("export-menu").open = false;
  const shown = [...cards.values()].filter((card) => card.plot.kind !== "images" && (card.plot.kind !== "custom" || !["csv", "json"].includes(button.dataset.export)));
  for (const card of shown) await exportCard(card, button.dataset.export);
  byId("said").textContent = shown.length ? `${shown.length} files are saved` : "There is nothing to save";
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog[open], details[open] .menu")) return;
  if (event.key === "a") { const add = document.querySelector('[data-testid="add-revision"]'); if (add) { event.preventDefault(); add.click(); } }
  else if (/^[1-4]$/.test(event.key)) { setColumns(Number(event.key)); store.set("columns", Number(event.key)); }
});

// --- one card on the full screen
let full = null;
async function showFull(card) {
  for (let turn = 0; !card.data && turn < 100; turn += 1) await new Promise((resolve) => setTimeout(resolve, 100)); // it is still on its way
  if (!card.data) return;
  const dialog = byId("full-dialog"), body = byId("full-body");
  byId("full-title").textContent = card.plot.title;
  byId("full-legend").replaceChildren(...(card.data.kind === "images" ? [] : named().filter((chip) => card.data.revs.includes(chip.name)).map((chip) => el("span", {}, swatch(chip.series), el("span", { class: "trunc" }, chip.name)))));
  dialog.showModal();
  if (card.data.kind === "images") { body.replaceChildren(imageRow(card)); return; }
  if (!card.data.spec) { body.replaceChildren(...card.data.problems.map(problemCard)); return; }
  const box = chartBox(card.data.is_divided, card.plot.title);
  body.replaceChildren(box);
  try { full = await card.draw(box.firstChild); } catch (error) { body.replaceChildren(problemCard({ where: card.plot.id, reason: error.message })); }
}
byId("full-dialog").addEventListener("close", () => { if (full) full.finalize(); full = null; byId("full-body").replaceChildren(); hideTip(); });
const hooks = { ask, full: showFull, listed: () => { showTree(); showCards(); } };
byId("add-chart")?.addEventListener("click", () => {
  const id = addChart();
  showTree();
  showCards();
  if (id) cards.get(id)?.node.scrollIntoView({ block: "nearest" });
});
onPlotBrushed((names) => changeRevisions(names));

// --- all of it
function showAll() {
  state.generation += 1;
  for (const chip of state.page.revisions) if (chip.id) series[chip.id] = chip.series;
  store.set("series", { ...series });
  const alike = new Map(); // a card for what several revisions have
  for (const problem of state.page.problems) {
    const id = `${problem.reason}\n${problem.hint}`, first = alike.get(id);
    alike.set(id, first ? { ...first, where: `${first.where}, ${problem.where}` } : problem);
  }
  byId("problems").replaceChildren(...[...alike.values()].map(problemCard));
  showCommand(state.page.command);
  showRevisions();
  grouping.show();
  for (const plot of plots()) {
    const card = cards.get(plot.id);
    if (!card) continue;
    const isChanged = JSON.stringify([card.plot.steps, card.plot.title]) !== JSON.stringify([plot.steps, plot.title]);
    card.plot = plot;
    if (isChanged) card.remakeHead();
  }
  showTree();
  showCards();
  askSeen();
}
const grouping = startGrouping(() => { state.generation += 1; askSeen(); });
startChoices(changeRevisions);
document.addEventListener("dataver:theme", () => { state.generation += 1; askSeen(); });
onChange(() => { if (!document.querySelector("#full-dialog[open]")) load(); });
document.addEventListener("dataver:live", () => { // what a run writes in its checkout changes no file of the project
  if (document.hidden || senders || !state.page.revisions.some((chip) => chip.kind === "running")) return;
  state.generation += 1;
  askSeen();
});

markSection();
setColumns([1, 2, 3, 4].includes(store.get("columns", 3)) ? store.get("columns", 3) : 3);
addEventListener("resize", () => { if (Number(grid.dataset.now) !== columnsNow()) { grid.dataset.now = columnsNow(); for (const card of cards.values()) placeCard(card); } });
// colours that commits were seen in before win over those worked out anew, unless other pages know better (seriesbook.py); experiments have theirs for good. What is pinned is shown.
const isOther = state.page.revisions.some((chip) => chip.id && chip.kind !== "experiment" && series[chip.id] && series[chip.id] !== chip.series);
const isUnpinned = new URLSearchParams(location.search).has("revs") && [...pinned].some((name) => !state.page.revisions.some((chip) => chip.name === name));
if (isOther || isUnpinned) {
  state.page.revisions = state.page.revisions.map((chip) => ({ ...chip, series: (chip.kind !== "experiment" && series[chip.id]) || chip.series }));
  await load();
} else showAll();
ready();
loadSoon();
