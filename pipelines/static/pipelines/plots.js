// The page of plots: revisions, the tree, and cards that are drawn when they come into view.
import { chosen, copy, el, getJSON, icon, isDark, keep, onChange, problemCard, ready } from "../launcher/frame.js";
import { draw, follow, hideTip, lineTip, pinTip, plainTip, savePNG, saveSVG, square, swatch } from "./charts.js";

const byId = (id) => document.getElementById(id);
const URLS = byId("addresses").dataset;
const KEY = document.body.dataset.repository;
const AT_ONCE = 3; // cards of one request, so that the first ones show soon
const grid = byId("grid");
const gridBox = byId("grid-box");

// --- what the reader chose
const store = { get: (name, otherwise) => chosen(`plots.${name}`, otherwise), set: (name, value) => keep(`plots.${name}`, value) };
const series = store.get("series", {}); // id of a revision -> number of its colour
const settings = store.get("settings", {}); // id of a plot -> {log, smoothing}
const hidden = new Set(store.get("hidden", []));
const folded = new Set(store.get("folded", []));

let page = JSON.parse(byId("page-data").textContent);
let generation = 0; // of revisions and theme; answers of an older one are dropped
const cards = new Map(); // id -> Card
const query = new URLSearchParams(location.search);
let section = ["series", "images"].includes(query.get("section")) ? query.get("section") : "all";

const seriesOf = (rev) => page.revisions.find((chip) => chip.name === rev)?.series || 1;
const named = () => page.revisions.filter((chip) => chip.id);

function questions(extra = {}) {
  const names = page.revisions.map((chip) => chip.name);
  return new URLSearchParams({ revs: names.join(","), series: page.revisions.map((chip) => chip.series || "").join(","), ...extra });
}

// --- a card
class Card {
  constructor(plot) {
    this.plot = plot;
    this.data = null;
    this.drawn = null;
    this.generation = -1;
    this.step = commonStep(plot);
    this.body = el("div", { class: "card-body" });
    this.node = el("section", { class: "card plot", "data-testid": "plot", "data-id": plot.id, "aria-label": plot.title });
    this.head = el("div", { class: "card-head" });
    this.node.append(this.head, this.body);
    this.node.classList.toggle("wide", plot.kind === "images");
    this.makeHead();
    this.wait();
  }

  get options() { return settings[this.plot.id] || {}; }
  set(name, value) {
    const changed = { ...this.options, [name]: value };
    if (!value) delete changed[name];
    if (Object.keys(changed).length) settings[this.plot.id] = changed; else delete settings[this.plot.id];
    store.set("settings", settings);
  }

  /** id that the server is asked for: of the plot, or of the image at this step. */
  get wanted() {
    if (!this.plot.steps.length) return this.plot.id;
    const found = this.plot.steps.find(([number]) => number === this.step);
    return found ? found[1] : this.plot.steps.at(-1)[1];
  }

  makeHead() {
    const { plot } = this;
    const parts = [el("h3", { class: "trunc", title: plot.title }, plot.title), plot.folder ? el("span", { class: "t3 sm trunc sub", title: plot.id }, plot.folder) : null, el("span", { class: "grow" })];
    if (plot.steps.length) parts.push(this.makeStepper());
    if (plot.kind === "series") parts.push(this.makeAxes());
    parts.push(el("button", { type: "button", class: "btn btn-quiet btn-icon", "data-testid": "full", title: "Full screen", "aria-label": `${plot.title} on the full screen`, onclick: () => showFull(this) }, icon("expand")));
    if (plot.kind === "series") parts.push(this.makeDownloads());
    this.head.replaceChildren(...parts.filter(Boolean));
  }

  makeMenu(testid, symbol, label, items, classes = "") {
    const menu = el("div", { class: `menu ${classes}` }, ...items);
    const details = el("details", { class: "card-menu", "data-menu": true }, el("summary", { class: "btn btn-quiet btn-icon", "data-testid": testid, title: label, "aria-label": `${this.plot.title}: ${label}` }, icon(symbol)), menu);
    details.addEventListener("toggle", () => this.node.classList.toggle("open", details.open));
    return details;
  }

  makeAxes() {
    const name = `y-${this.plot.id}`;
    const radio = (value, word) => el("label", {}, el("input", { type: "radio", name, value, "data-testid": `y-${value}`, checked: (this.options.log ? "log" : "linear") === value, onchange: () => { this.set("log", value === "log"); this.redraw(); } }), word);
    const amount = el("output", {}, (this.options.smoothing || 0).toFixed(2));
    const slider = el("input", { type: "range", min: 0, max: 0.99, step: 0.01, value: this.options.smoothing || 0, "aria-label": "Smoothing", "data-testid": "smoothing" });
    slider.addEventListener("input", () => { amount.textContent = Number(slider.value).toFixed(2); this.set("smoothing", Number(slider.value)); this.smooth(); });
    this.slider = el("label", { class: "smooth" }, "Smoothing", slider, amount);
    const reset = el("button", { type: "button", class: "menu-i", "data-testid": "reset", onclick: () => { delete settings[this.plot.id]; store.set("settings", settings); this.makeHead(); this.redraw(); } }, icon("redo"), "Reset this plot");
    return this.makeMenu("axes", "settings", "Axes and smoothing", [el("div", { class: "menu-h" }, "Y axis"), radio("linear", "Linear"), radio("log", "Logarithmic"), el("hr"), this.slider, el("hr"), reset], "axes");
  }

  makeDownloads() {
    const name = this.plot.id.replace(/[^\w.-]+/g, "_");
    const picture = (testid, word, make) => el("button", { type: "button", class: "menu-i", "data-testid": testid, onclick: () => { if (this.drawn) make(this.drawn.view, name); } }, icon("image"), word);
    const link = (testid, word, url) => el("a", { class: "menu-i", "data-testid": testid, download: true, href: `${url}?${questions({ id: this.plot.id })}` }, icon("dl"), word);
    const menu = this.makeMenu("downloads", "dots", "Download", [el("div", { class: "menu-h" }, "Download"), picture("save-svg", "SVG", saveSVG), picture("save-png", "PNG", savePNG), link("save-csv", "CSV, all rows", URLS.csv), link("save-json", "JSON, all rows", URLS.json)]);
    menu.addEventListener("toggle", () => { for (const node of menu.querySelectorAll("a")) node.href = `${node.pathname}?${questions({ id: this.plot.id })}`; });
    return menu;
  }

  makeStepper() {
    const numbers = [...new Set(this.plot.steps.map(([number]) => number))];
    const at = el("span", { class: "at sm", "data-testid": "step" });
    const slider = el("input", { type: "range", min: 0, max: numbers.length - 1, step: 1, "data-testid": "stepper", "aria-label": `${this.plot.title}: step` });
    const show = (index) => {
      const kept = Math.max(0, Math.min(numbers.length - 1, index));
      slider.value = kept;
      this.step = numbers[kept];
      at.replaceChildren(el("span", { class: "strong" }, String(this.step)), el("span", { class: "t3" }, ` of ${numbers.at(-1)}`));
      slider.setAttribute("aria-valuetext", `step ${this.step}`);
    };
    const go = (index) => { show(index); clearTimeout(this.later); this.later = setTimeout(() => ask(this), 60); };
    show(Math.max(0, numbers.indexOf(this.step)));
    slider.addEventListener("input", () => go(Number(slider.value)));
    const button = (step, label, classes) => el("button", { type: "button", class: "btn btn-quiet btn-icon", title: label, "aria-label": `${this.plot.title}: ${label}`, onclick: () => go(Number(slider.value) + step) }, icon("chev-r", classes));
    return el("div", { class: "stepper" }, el("span", { class: "sm t3" }, "Step"), button(-1, "Step back", "back"), slider, button(1, "Step on", ""), at);
  }

  wait() { this.body.replaceChildren(el("div", { class: "chart-box" }, el("div", { class: "wait" }))); }

  fail(error) { this.release(); this.body.replaceChildren(problemCard({ where: this.plot.id, reason: error.message })); this.node.classList.add("is-failed"); }

  release() { if (this.drawn) { this.drawn.finalize(); this.drawn = null; } }

  async show(data) {
    this.data = data;
    this.node.classList.toggle("wide", data.kind === "images" || data.is_divided);
    this.node.classList.toggle("is-failed", data.problems.length > 0 && !data.spec && !data.images.length);
    const notes = [...data.problems.map(problemCard), ...(data.notes || []).map((note) => el("p", { class: "note-line" }, note))];
    if (data.kind === "images") { this.release(); this.body.replaceChildren(imageRow(this), ...notes); return; }
    if (this.slider) this.slider.hidden = data.kind !== "line";
    if (!data.spec) { this.release(); this.body.replaceChildren(...notes); return; }
    await this.redraw(notes);
  }

  async redraw(notes = [...this.body.children].slice(1)) {
    if (!this.data || !this.data.spec) return;
    const box = el("div", { class: `chart-box${this.data.is_divided ? " is-divided" : ""}` }, el("div", { class: "canvas" }));
    const before = this.drawn;
    this.drawn = null;
    this.body.replaceChildren(box, ...notes);
    if (before) before.finalize();
    try {
      const drawn = await drawCard(this, box.firstChild);
      if (!box.isConnected) { drawn.finalize(); return; }
      this.drawn = drawn;
      if (drawn.errors.length) this.body.append(problemCard({ where: this.plot.id, reason: `this plot cannot be drawn as its template says: ${drawn.errors[0]}` }));
    } catch (error) {
      this.body.replaceChildren(problemCard({ where: this.plot.id, reason: `this plot cannot be drawn: ${error.message}`, hint: "Look at its template in .dvc/plots." }), ...notes);
      this.node.classList.add("is-failed");
    }
  }

  /** Change the smoothed line only: axes, zoom and everything else stay. */
  smooth() {
    if (!this.drawn || this.data.kind !== "line") return;
    const amount = this.options.smoothing || 0;
    const rows = smoothed(this.data.spec.data.values, amount);
    this.drawn.view.data("rows", rows).signal("smoothing", amount).runAsync();
  }
}

/** The last step that as many revisions as possible have. */
function commonStep(plot) {
  let found = null;
  for (const step of plot.steps) if (!found || step[2].length >= found[2].length) found = step;
  return found ? found[0] : null;
}

/** Rows with `s`, the moving average of y along each line; weights fall by `amount` per row, and the start is corrected. */
function smoothed(rows, amount) {
  if (!amount) return rows.map((row) => ({ ...row }));
  const state = new Map();
  return rows.map((row) => {
    if (row.y === null) return { ...row };
    const line = `${row.rev}\n${row.line}`;
    const [before, count] = state.get(line) || [0, 0];
    const average = before * amount + (1 - amount) * row.y;
    state.set(line, [average, count + 1]);
    return { ...row, s: average / (1 - amount ** (count + 1)) };
  });
}

function drawCard(card, node) {
  const { data, options } = card;
  const spec = structuredClone(data.spec);
  if (data.kind === "line") {
    spec.data.values = smoothed(spec.data.values, options.smoothing || 0);
    for (const param of spec.params) if (param.name === "smoothing") param.value = options.smoothing || 0;
  }
  if (options.log) setLog(spec, data);
  return draw(node, spec, (datum, value) => templateTip(value)).then((drawn) => {
    if (data.kind === "line") follow(node, drawn.view, () => data.spec.data.values, (row, dot) => { highlight(row && row.rev); return row && lineTip(data.spec.data.values, data.x_label, row, dot, seriesOf); }, pinTip);
    else { drawn.view.addEventListener("click", pinTip); drawn.view.addEventListener("pointerout", () => highlight(null)); }
    return drawn;
  });
}

/** A logarithmic y wherever y is a number; with values of 0 and below, one that knows them, too. */
function setLog(node, data) {
  if (Array.isArray(node)) { for (const item of node) setLog(item, data); return; }
  if (!node || typeof node !== "object") return;
  for (const [name, value] of Object.entries(node)) {
    if (name === "values" || name === "datasets" || name === "config") continue;
    if (name === "y" && value && value.type === "quantitative") {
      const rows = data.spec.data && data.spec.data.values ? data.spec.data.values : [];
      const isPositive = rows.every((row) => typeof row[value.field] !== "number" || row[value.field] > 0);
      value.scale = { ...(value.scale || {}), type: isPositive ? "log" : "symlog" };
      delete value.scale.zero;
    } else setLog(value, data);
  }
}

function templateTip(value) {
  if (typeof value === "object" && value.rev) highlight(value.rev);
  return plainTip(value);
}
function imageRow(card) {
  const { data, plot } = card;
  const shown = new Map(data.images.map((image) => [image.rev, image]));
  const failed = new Set(data.problems.map((problem) => problem.where));
  return el("div", { class: "images" }, ...named().map((chip) => {
    const image = shown.get(chip.name);
    const caption = el("figcaption", { class: "row" }, square(chip.series), el("span", { class: "medium trunc", title: chip.subject || chip.name }, chip.name));
    let content;
    if (image && image.url) content = el("img", { src: image.url, alt: `${card.wanted} at ${chip.name}`, loading: "lazy", "data-testid": "image" });
    else if (image) content = el("div", { class: "absent is-bad", "data-testid": "absent" }, image.problem);
    else if (failed.has(`${card.wanted} at ${chip.name}`)) content = el("div", { class: "absent is-bad", "data-testid": "absent" }, "not readable, see below");
    else content = el("div", { class: "absent", "data-testid": "absent" }, plot.steps.length ? `no image at step ${card.step}` : "no image");
    return el("figure", { "data-rev": chip.name }, caption, content);
  }));
}

// --- asking for cards
const waiting = new Set();
let asking = null;
function ask(card) {
  waiting.add(card);
  if (!asking) asking = setTimeout(() => { asking = null; sendAll(); }, 20);
}
async function sendAll() {
  while (waiting.size) {
    const part = [...waiting].slice(0, AT_ONCE);
    for (const card of part) waiting.delete(card);
    await send(part);
  }
}
async function send(part) {
  const asked = generation;
  const params = questions({ theme: isDark() ? "dark" : "light" });
  const wanted = part.map((card) => { card.generation = asked; return card.wanted; });
  for (const id of wanted) params.append("id", id);
  try {
    const answer = await getJSON(`${URLS.cards}?${params}`);
    if (asked !== generation) return;
    for (const [index, card] of part.entries()) if (card.wanted === wanted[index]) await card.show(answer.cards[index]);
  } catch (error) {
    for (const card of part) card.fail(error);
  }
}
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const card = cards.get(entry.target.dataset.id);
    if (card) { card.isSeen = entry.isIntersecting; if (card.isSeen && card.generation !== generation) ask(card); }
  }
}, { root: gridBox, rootMargin: "240px" });

// --- revisions
function highlight(rev) {
  for (const node of document.querySelectorAll(".rcx")) node.classList.toggle("hov", node.dataset.rev === rev);
}
function pick(rev) {
  for (const card of cards.values()) if (card.drawn && card.data.kind === "line") card.drawn.view.signal("picked", rev).runAsync();
}
function showRevisions() {
  byId("revision-count").textContent = String(page.revisions.length);
  byId("revisions").replaceChildren(...page.revisions.map((chip) => {
    const mark = chip.id ? swatch(chip.series) : icon("warn");
    const remove = el("button", { type: "button", class: "x", "data-testid": "remove-revision", title: `Remove ${chip.name}`, "aria-label": `Remove ${chip.name}`, onclick: () => changeRevisions(page.revisions.filter((other) => other !== chip).map((other) => other.name)) }, icon("x"));
    return el("li", { class: `rcx${chip.id ? "" : " is-lost"}`, "data-testid": "revision", "data-rev": chip.name, title: [chip.name, chip.subject, chip.problem].filter(Boolean).join("\n"), onmouseenter: () => pick(chip.name), onmouseleave: () => pick("") },
      mark, el("span", { class: "trunc name" }, chip.name), el("span", { class: "grow" }), el("span", { class: "sm t3 trunc sub" }, chip.problem ? "not found" : chip.subject), remove);
  }));
}
function changeRevisions(names) {
  const params = new URLSearchParams(location.search);
  params.set("revs", names.join(","));
  history.pushState(null, "", `${location.pathname}?${params}`);
  load();
}
async function load() {
  const params = new URLSearchParams(location.search);
  const wanted = (params.get("revs") ?? page.revisions.map((chip) => chip.name).join(",")).split(",").filter(Boolean);
  const known = new Map(page.revisions.map((chip) => [chip.name, chip.series]));
  try {
    const asked = new URLSearchParams(params);
    asked.set("revs", wanted.join(","));
    asked.set("series", wanted.map((name) => known.get(name) || "").join(","));
    page = await getJSON(`${URLS.page}?${asked}`);
  } catch (error) {
    byId("problems").replaceChildren(problemCard({ where: "Plots", reason: error.message }));
    return;
  }
  showAll();
}
addEventListener("popstate", load);

// --- adding one
let choices = [];
async function fillChoices() {
  const list = byId("add-list");
  const words = byId("add-find").value.toLowerCase().split(/\s+/).filter(Boolean);
  const typed = byId("add-find").value.trim();
  const shown = new Set(page.revisions.map((chip) => chip.id));
  const found = choices.filter((choice) => !shown.has(choice.id) && words.every((word) => `${choice.name} ${choice.subject} ${choice.id}`.toLowerCase().includes(word))).slice(0, 200);
  const symbols = { workspace: "edit", branch: "branch", tag: "tag", experiment: "zap", commit: "commit" };
  const item = (choice) => el("button", { type: "button", class: "menu-i", "data-testid": "choice", "data-name": choice.name, onclick: () => { byId("add-dialog").close(); changeRevisions([...page.revisions.map((chip) => chip.name), choice.name]); } },
    icon(symbols[choice.kind] || "commit"), el("span", { class: "name trunc" }, choice.name), el("span", { class: "t3 trunc" }, choice.subject || choice.kind), choice.id === "workspace" ? null : el("span", { class: "hash" }, choice.id.slice(0, 7)));
  const exact = typed && !found.some((choice) => choice.name === typed) ? [item({ kind: "commit", name: typed, subject: "as typed", id: "" })] : [];
  list.replaceChildren(...exact, ...found.map(item));
  if (!list.children.length) list.replaceChildren(el("p", { class: "t3 none" }, "Every revision there is is shown already."));
}
byId("add-find").addEventListener("input", fillChoices);
byId("add-find").addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); byId("add-list").querySelector("button")?.click(); } });
document.querySelector('[data-testid="add-revision"]')?.addEventListener("click", async () => {
  byId("add-find").value = "";
  choices = [];
  byId("add-list").replaceChildren(el("p", { class: "t3 none" }, "Reading the history…"));
  byId("add-find").focus();
  try { choices = (await getJSON(URLS.choices)).revisions; await fillChoices(); } catch (error) { byId("add-list").replaceChildren(problemCard({ reason: error.message })); }
});

// --- the tree
const matches = (plot) => byId("find").value.toLowerCase().split(/\s+/).filter(Boolean).every((word) => `${plot.id} ${plot.title}`.toLowerCase().includes(word));
const inSection = (plot) => section === "all" || plot.kind === section;
const isShown = (plot) => inSection(plot) && matches(plot) && !hidden.has(plot.id);

function showTree() {
  const folders = new Map();
  for (const plot of page.plots.filter((found) => inSection(found) && matches(found))) folders.set(plot.folder, [...(folders.get(plot.folder) || []), plot]);
  byId("tree").replaceChildren(...[...folders].map(([folder, plots]) => {
    const details = el("details", { class: "fold", open: !folded.has(folder) },
      el("summary", { "data-testid": "folder" }, icon("chev-r", "i-sm"), icon(folder === "dvc.yaml" ? "file" : "folder"), el("span", { class: "trunc", title: folder }, folder || "."), el("span", { class: "grow" }), el("span", { class: "sm t3" }, String(plots.length))),
      el("ul", {}, ...plots.map((plot) => el("li", {}, el("label", { class: "leaf", title: plot.id },
        el("input", { type: "checkbox", "data-testid": "leaf", "data-id": plot.id, checked: !hidden.has(plot.id), onchange: (event) => { if (event.target.checked) hidden.delete(plot.id); else hidden.add(plot.id); store.set("hidden", [...hidden]); showCards(); } }),
        el("span", { class: "trunc" }, plot.name), plot.steps.length ? el("span", { class: "sm t3" }, `${plot.steps.length} steps`) : null)))));
    details.addEventListener("toggle", () => { if (details.open) folded.delete(folder); else folded.add(folder); store.set("folded", [...folded]); });
    return el("li", {}, details);
  }));
}

function showCards() {
  const shown = page.plots.filter(isShown);
  const ids = new Set(shown.map((plot) => plot.id));
  for (const [id, card] of cards) if (!ids.has(id)) { watcher.unobserve(card.node); card.release(); card.node.remove(); cards.delete(id); }
  let before = null;
  for (const plot of shown) {
    let card = cards.get(plot.id);
    if (!card) { card = new Card(plot); cards.set(plot.id, card); }
    if (before ? before.nextSibling !== card.node : grid.firstChild !== card.node) grid.insertBefore(card.node, before ? before.nextSibling : grid.firstChild);
    watcher.observe(card.node);
    before = card.node;
  }
  const count = page.plots.length;
  byId("count").textContent = shown.length === count ? `${count}` : `${shown.length} of ${count} shown`;
  byId("show-all").hidden = !page.plots.some((plot) => hidden.has(plot.id));
  byId("empty").hidden = count > 0 || page.problems.length > 0;
  const why = byId("find").value ? "No plot has such a name." : section !== "all" && !page.plots.some(inSection) ? `There are no ${section === "images" ? "images" : "series"} here.` : "All plots are hidden; tick one in the list.";
  byId("none").hidden = !count || shown.length > 0;
  byId("none").textContent = why;
}
byId("show-all").addEventListener("click", () => { for (const plot of page.plots) hidden.delete(plot.id); store.set("hidden", [...hidden]); showTree(); showCards(); });
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
  for (const button of document.querySelectorAll("[data-columns]")) if (button !== grid) button.setAttribute("aria-pressed", String(button.dataset.columns === String(count)));
  dispatchEvent(new Event("resize")); // charts fit their box anew
}
for (const button of document.querySelectorAll("button[data-columns]")) button.addEventListener("click", () => { setColumns(Number(button.dataset.columns)); store.set("columns", Number(button.dataset.columns)); });
byId("copy-link").addEventListener("click", () => {
  const params = new URLSearchParams(location.search);
  params.set("revs", page.revisions.map((chip) => chip.name).join(","));
  copy(`${location.origin}${location.pathname}?${params}`);
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog[open], details[open] .menu")) return;
  if (event.key === "a") { const add = document.querySelector('[data-testid="add-revision"]'); if (add) { event.preventDefault(); add.click(); } }
  else if (/^[1-4]$/.test(event.key)) { setColumns(Number(event.key)); store.set("columns", Number(event.key)); }
});

// --- one card on the full screen
let full = null;
async function showFull(card) {
  if (!card.data) return;
  const dialog = byId("full-dialog");
  byId("full-title").textContent = card.plot.title;
  byId("full-legend").replaceChildren(...(card.data.kind === "images" ? [] : named().filter((chip) => card.data.revs.includes(chip.name)).map((chip) => el("span", {}, swatch(chip.series), el("span", { class: "trunc" }, chip.name)))));
  const body = byId("full-body");
  dialog.showModal();
  if (card.data.kind === "images") { body.replaceChildren(imageRow(card)); return; }
  if (!card.data.spec) { body.replaceChildren(...card.data.problems.map(problemCard)); return; }
  const box = el("div", { class: `chart-box${card.data.is_divided ? " is-divided" : ""}` }, el("div", { class: "canvas" }));
  body.replaceChildren(box);
  try { full = await drawCard(card, box.firstChild); } catch (error) { body.replaceChildren(problemCard({ where: card.plot.id, reason: error.message })); }
}
byId("full-dialog").addEventListener("close", () => { if (full) full.finalize(); full = null; byId("full-body").replaceChildren(); hideTip(); });

// --- all of it
function showAll() {
  generation += 1;
  for (const chip of page.revisions) if (chip.id) series[chip.id] = chip.series;
  store.set("series", series);
  byId("problems").replaceChildren(...page.problems.map(problemCard));
  showRevisions();
  for (const plot of page.plots) {
    const card = cards.get(plot.id);
    if (card) { const had = card.plot.steps.length; card.plot = plot; if (had || plot.steps.length) card.makeHead(); }
  }
  showTree();
  showCards();
  for (const card of cards.values()) if (card.isSeen) ask(card);
}
document.addEventListener("dataver:theme", () => { generation += 1; for (const card of cards.values()) if (card.isSeen && card.plot.kind === "series") ask(card); else if (card.plot.kind === "images") card.generation = generation; });
onChange(() => { if (!document.querySelector("dialog[open], .card-menu[open]")) load(); });

markSection();
setColumns([1, 2, 3, 4].includes(store.get("columns", 3)) ? store.get("columns", 3) : 3);
// colours that this browser saw before win over those worked out anew
if (page.revisions.some((chip) => chip.id && series[chip.id] && series[chip.id] !== chip.series)) {
  page.revisions = page.revisions.map((chip) => ({ ...chip, series: series[chip.id] || chip.series }));
  await load();
} else showAll();
ready();
