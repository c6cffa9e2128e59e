// Below the comparison: the plots that are lines, all compared revisions over each other. Drawn when they come into view.
import { loadVega } from "../launcher/charts.js";
import { el, getJSON, isDark, problemCard } from "../launcher/frame.js";
import { chartBox, draw, follow, lineTip, swatch } from "./charts.js";

const AT_MOST = 12; // cards; the page of plots has all
let section = document.getElementById("curves");
let URLS = section ? section.dataset : {};
const drawings = new Map(); // node of a card -> what drew it
let page = null;
let generation = 0;

const questions = (extra) => new URLSearchParams({ revs: page.revisions.map((chip) => chip.name).join(","), series: page.revisions.map((chip) => chip.series || "").join(","), ...extra });
const seriesOf = (rev) => page.revisions.find((chip) => chip.name === rev)?.series || 1;

async function fill(node, plot) {
  const mine = generation;
  node.dataset.generation = mine;
  const body = node.querySelector(".card-body");
  try {
    const [answer] = await Promise.all([getJSON(`${URLS.cards}?${questions({ id: plot.id, theme: isDark() ? "dark" : "light" })}`), loadVega()]);
    if (mine !== generation) return;
    const [card] = answer.cards;
    if (node.classList.contains("wide") !== card.is_divided) { node.classList.toggle("wide"); requestAnimationFrame(() => dispatchEvent(new Event("resize"))); } // those beside it get more room
    const notes = card.problems.map(problemCard);
    const before = drawings.get(node);
    if (before) before.finalize();
    drawings.delete(node);
    if (!card.spec) { body.replaceChildren(...notes); return; }
    const box = chartBox(card.is_divided, plot.title), canvas = box.firstChild;
    body.replaceChildren(box, ...notes);
    const drawn = await draw(canvas, card.spec, () => null);
    drawings.set(node, drawn);
    const rows = card.spec.data?.values ?? [];
    if (card.kind === "line") follow(canvas, drawn.view, () => rows, (row, dot) => row && lineTip(rows, card.x_label, row, dot, seriesOf), () => {});
  } catch (error) { body.replaceChildren(problemCard({ where: plot.id, reason: error.message })); }
}

/** Ask which plots the revisions have. Without any, the section stays away. */
export async function showCurves() {
  section = document.getElementById("curves"); // the comparison may have been replaced
  for (const drawn of drawings.values()) drawn.finalize();
  drawings.clear();
  generation += 1;
  const mine = generation;
  if (!section) return;
  URLS = section.dataset;
  try { page = await getJSON(`${URLS.page}?${new URLSearchParams({ revs: URLS.revs })}`); } catch { return; }
  if (mine !== generation) return;
  const plots = page.plots.filter((plot) => plot.kind === "series");
  if (!plots.length) return;
  section.querySelector("[data-legend]").replaceChildren(...page.revisions.filter((chip) => chip.id).map((chip) => el("span", {}, swatch(chip.series), el("span", { class: "trunc" }, chip.name))));
  const more = section.querySelector("[data-more]");
  more.href = `${URLS.plots}?${new URLSearchParams({ revs: URLS.revs })}`;
  more.querySelector("[data-word]").textContent = plots.length > AT_MOST ? `All ${plots.length} in Plots` : "Open in Plots";
  const byNode = new Map(plots.slice(0, AT_MOST).map((plot) => [el("section", { class: "card curve", "data-testid": "curve", "data-id": plot.id, "aria-label": plot.title },
    el("div", { class: "card-head" }, el("h3", { class: "trunc", title: plot.id }, plot.title)), el("div", { class: "card-body" }, el("div", { class: "chart-box" }, el("div", { class: "wait" })))), plot]));
  const seen = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) { seen.delete(entry.target); continue; }
      seen.add(entry.target);
      if (entry.target.dataset.generation !== String(generation)) fill(entry.target, byNode.get(entry.target));
    }
  }, { root: section.closest(".scroll"), rootMargin: "200px" });
  section.querySelector("[data-cards]").replaceChildren(...byNode.keys());
  section.hidden = false;
  for (const node of byNode.keys()) watcher.observe(node);
  redraw = () => { generation += 1; for (const node of seen) fill(node, byNode.get(node)); };
}
let redraw = () => {};
document.addEventListener("dataver:theme", () => redraw());
