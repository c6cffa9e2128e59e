// The list of repositories: what takes a moment to find out is asked for card by card.
import { el, formatNumber, formatSize, getJSON, icon, onChange, ready } from "./frame.js";

const AT_ONCE = 3; // cards being asked for at the same time

function fill(card, summary) {
  const slot = (name) => card.querySelector(`[data-slot="${name}"]`);
  if (summary.changed !== null) {
    const changed = slot("changed");
    changed.className = summary.changed ? "is-warn" : "";
    changed.textContent = summary.changed ? `${summary.changed} changed` : "clean";
  }
  if (summary.metrics.length) {
    slot("metrics").replaceChildren(...summary.metrics.map((metric) => el("span", { class: "metric", title: `${metric.file}: ${metric.name} ${metric.value}` },
      el("span", { class: "sm t3 trunc" }, metric.name), el("span", { class: "big" }, formatNumber(metric.value)))));
  }
  if (summary.cache_bytes !== null) slot("cache").textContent = `Cache ${summary.cache_counted ? "" : "over "}${formatSize(summary.cache_bytes)}`;
  if (summary.problems.length) {
    slot("cache").replaceChildren(el("span", { class: "state is-warn", title: summary.problems.join("\n") }, icon("warn"), summary.problems.length === 1 ? "1 problem" : `${summary.problems.length} problems`));
  }
}

async function fillAll() {
  const waiting = [...document.querySelectorAll("a[data-key]")];
  const worker = async () => {
    for (let card = waiting.shift(); card; card = waiting.shift()) {
      try { fill(card, await getJSON(`/r/${card.dataset.key}/summary.json`)); } catch (error) {
        card.querySelector('[data-slot="changed"]').textContent = "not readable";
        card.title = error.message;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const find = document.querySelector('[data-testid="find"]');
if (find) find.addEventListener("input", () => {
  const word = find.value.trim().toLowerCase();
  let shown = 0;
  for (const card of document.querySelectorAll("[data-card]")) {
    card.hidden = !card.dataset.card.toLowerCase().includes(word);
    shown += card.hidden ? 0 : 1;
  }
  document.querySelector('[data-testid="none"]').hidden = shown > 0;
});

const dialog = document.getElementById("open-dialog");
if (dialog && "show" in dialog.dataset) dialog.showModal();

let isSending = false; // loading the page anew would cut off a form that is under way
document.addEventListener("submit", () => { isSending = true; });
onChange(() => { if (!isSending && !document.querySelector("dialog[open]") && !(find && find.value)) location.reload(); });
await fillAll();
ready();
