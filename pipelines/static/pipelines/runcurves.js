// Curves and images of a run over those of its baseline, drawn when they come into view; they grow while it writes.
import { loadVega } from "../launcher/charts.js";
import { el, getJSON, isDark, problemCard } from "../launcher/frame.js";
import { chartBox, draw, follow, lineTip, swatch } from "./charts.js";

const AT_MOST = 12; // cards; the page of plots has all
const URLS = document.body.dataset;
const section = document.getElementById("curves"), grid = section.querySelector("[data-curves]");
const images = document.getElementById("images");
const cards = new Map(); // id of a plot -> {node, body, drawn, shape, rows, generation}
let page = { revisions: [], plots: [], images: [], version: "" };
let generation = 0;

const seriesOf = (rev) => page.revisions.find((chip) => chip.name === rev)?.series || 1;
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const card = cards.get(entry.target.dataset.id);
    if (!card) continue;
    card.isSeen = entry.isIntersecting;
    if (card.isSeen && card.generation !== generation) fill(card);
  }
}, { root: section.closest(".scroll"), rootMargin: "200px" });

/** What a run that goes on or failed has not written is nothing to mend: a line instead of a card, or null. */
function unwritten({ where, reason }) {
  const { state } = document.querySelector('[data-testid="run-state"]').dataset, own = page.revisions.at(-1)?.name;
  if (!["running", "waiting", "failed", "interrupted", "stopped"].includes(state) || !/^No such file/.test(reason) || !where.endsWith(` at ${own}`)) return null;
  const file = where.slice(0, -` at ${own}`.length);
  return el("p", { class: "t3 sm unwritten", "data-testid": "unwritten" }, state === "running" || state === "waiting" ? `${own} has not written ${file} yet.` : `${own} ended before it wrote ${file}.`);
}

async function fill(card) {
  const mine = generation;
  card.generation = mine;
  try {
    const [answer] = await Promise.all([getJSON(`${URLS.cards}?${new URLSearchParams({ id: card.id, theme: isDark() ? "dark" : "light" })}`), loadVega()]);
    if (mine !== generation && card.generation !== mine) return;
    const [made] = answer.cards;
    if (!made) return;
    const problems = made.problems.map((problem) => unwritten(problem) ?? problemCard(problem));
    if (!made.spec) { card.body.replaceChildren(...problems); card.shape = ""; return; }
    const rows = made.spec.data?.values ?? [];
    const { data, ...rest } = made.spec;
    const shape = JSON.stringify([rest, Object.keys(data || {}), rows.length ? Object.keys(rows[0]) : []]);
    card.rows = rows;
    if (card.drawn && card.shape === shape) { // only its data grew: zoom and pointer stay
      try { await card.drawn.view.data("source_0", structuredClone(rows)).runAsync(); card.node.dataset.points = String(rows.length); return; } catch { /* a template with data of other names */ }
    }
    card.drawn?.finalize();
    const box = chartBox(made.is_divided, card.node.getAttribute("aria-label"));
    card.node.classList.toggle("is-wide", made.is_divided);
    card.body.replaceChildren(box, ...problems);
    card.drawn = await draw(box.firstChild, made.spec, () => null);
    card.shape = shape;
    card.node.dataset.points = String(rows.length);
    if (made.kind === "line") follow(box.firstChild, card.drawn.view, () => card.rows, (row, dot) => row && lineTip(card.rows, made.x_label, row, dot, seriesOf), () => {});
  } catch (error) { card.body.replaceChildren(problemCard({ where: card.id, reason: error.message })); }
}

function makeCard(plot) {
  const inside = el("div", { class: "chart-body" }, el("div", { class: "chart-box" }, el("div", { class: "wait" })));
  const node = el("div", { class: "curve", "data-testid": "curve", "data-id": plot.id }, el("h3", { class: "trunc", title: plot.id }, plot.title), inside);
  const card = { id: plot.id, node, body: inside, generation: -1, rows: [], shape: "" };
  cards.set(plot.id, card);
  watcher.observe(node);
  return card;
}

function showImages() {
  const list = images.querySelector("[data-image-list]");
  images.hidden = page.images.length === 0;
  const tab = document.querySelector("[data-images-tab]");
  if (tab) tab.hidden = images.hidden;
  images.querySelector("[data-images-count]").textContent = page.images.length ? `${page.images.length}${page.images_cut ? ` of ${page.images.length + page.images_cut}` : ""}` : "";
  const known = new Map([...list.children].map((node) => [node.dataset.id, node]));
  list.replaceChildren(...page.images.map((image) => {
    const url = `${URLS.image}?${new URLSearchParams({ id: image.id, v: page.version })}`;
    let node = known.get(image.id);
    if (!node) node = el("figure", { "data-id": image.id, "data-testid": "image" }, el("img", { alt: image.id, loading: "lazy" }), el("figcaption", { class: "sm t2 trunc", title: image.id }, image.title));
    const picture = node.querySelector("img");
    if (picture.getAttribute("src") !== url) picture.setAttribute("src", url);
    return node;
  }));
}

/** Ask what there is to draw; what is drawn already gets its new data. */
export async function showCurves() {
  let next;
  try { next = await getJSON(URLS.plots); } catch { return; }
  const isNew = next.version !== page.version || next.plots.length !== page.plots.length || JSON.stringify(next.revisions) !== JSON.stringify(page.revisions);
  page = next;
  if (!isNew) return;
  section.querySelector("[data-legend]").replaceChildren(...page.revisions.map((chip) => el("span", {}, swatch(chip.series), el("span", { class: "trunc" }, chip.name))));
  section.querySelector("[data-no-curves]").hidden = page.plots.length > 0;
  const shown = page.plots.slice(0, AT_MOST), ids = new Set(shown.map((plot) => plot.id));
  for (const [id, card] of cards) if (!ids.has(id)) { card.drawn?.finalize(); card.node.remove(); cards.delete(id); }
  for (const plot of shown) if (!cards.has(plot.id)) grid.append(makeCard(plot).node);
  generation += 1;
  for (const card of cards.values()) if (card.isSeen) fill(card);
  showImages();
}
document.addEventListener("dataver:theme", () => { generation += 1; for (const card of cards.values()) { card.shape = ""; if (card.isSeen) fill(card); } });
