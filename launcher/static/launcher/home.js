// The list of repositories: what takes a moment to find out is asked for card by card, and again when something changed.
import { el, formatNumber, formatSize, getJSON, icon, localTimes, onChange, ready } from "./frame.js";

const AT_ONCE = 3; // cards being asked for at the same time
const SVG = "http://www.w3.org/2000/svg";

function spark({ values }) {
  const low = Math.min(...values), high = Math.max(...values);
  const at = values.map((value, index) => [values.length > 1 ? (index * 1000) / (values.length - 1) : 500, high > low ? 1000 - ((value - low) * 1000) / (high - low) : 500]);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 1000 1000");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  for (const [name, d] of [["ln ln-thin", `M${at.map((point) => point.join(" ")).join(" ")}`], ["dot", `M${at.at(-1).join(" ")}h0`]]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", name);
    path.setAttribute("d", d);
    svg.append(path);
  }
  return el("span", { class: "spark s-1", title: `${values.length} commits, from ${formatNumber(values[0])} to ${formatNumber(values.at(-1))}` }, svg);
}

function metricParts({ metrics, metrics_total: total, history }) {
  const first = metrics[0];
  const others = metrics.slice(1).map((metric) => `${metric.name} ${formatNumber(metric.value)}`);
  return [
    el("div", { class: "metric", title: `${first.file}: ${first.name} ${first.value}` },
      el("span", { class: "sm t3 trunc", title: total > 1 ? [`${total - 1} more ${total === 2 ? "metric" : "metrics"}`, ...others].join("\n") : "" }, `${first.name}, workspace${total > 1 ? `, +${total - 1}` : ""}`),
      el("span", { class: "row base" }, el("span", { class: "big" }, formatNumber(first.value)), history.best === null ? null : el("span", { class: "sm t2", title: `best of ${history.values.length} commits; ${history.better} is better` }, `best ${formatNumber(history.best)}`))),
    history.values.length > 1 ? spark(history) : null,
  ].filter(Boolean);
}

function stateParts({ counts, last_run: last }) {
  const parts = [[counts.running, "running", "is-run", "run", "spin"], [counts.queued, "queued", "is-idle", "clock", ""], [counts.failed, "failed", "is-bad", "fail", ""]]
    .filter(([count]) => count).map(([count, word, look, symbol, turn]) => el("span", { class: `state ${look}` }, icon(symbol, turn), `${count} ${word}`));
  if (parts.length) return parts;
  if (!last) return [el("span", { class: "t3" }, "Never run")];
  const [look, symbol, word] = { succeeded: ["is-ok", "done", "Done"], failed: ["is-bad", "fail", "Failed"], running: ["is-run", "run", "Running"] }[last.state] || ["is-idle", "block", "Interrupted"];
  return [el("span", { class: `state ${look}` }, icon(symbol), word)];
}

function fill(card, summary) {
  const slot = (name) => card.querySelector(`[data-slot="${name}"]`);
  if (summary.branch && slot("branch")) Object.assign(slot("branch"), { textContent: summary.branch, title: summary.branch });
  if (summary.changed !== null) {
    const changed = slot("changed");
    changed.className = summary.changed ? "is-warn nowrap" : "";
    changed.textContent = summary.changed ? `${summary.changed} changed` : "clean";
  }
  if (summary.metrics.length) slot("metrics").replaceChildren(...metricParts(summary));
  slot("states").replaceChildren(...stateParts(summary));
  if (summary.last_run) { slot("when").replaceChildren(el("time", { datetime: summary.last_run.started_at }, "")); localTimes(slot("when")); }
  if (summary.cache_bytes !== null) slot("cache").textContent = `Cache ${summary.cache_counted ? "" : "over "}${formatSize(summary.cache_bytes)}`;
  if (summary.problems.length) {
    slot("cache").replaceChildren(el("span", { class: "state is-warn", title: summary.problems.join("\n") }, icon("warn"), summary.problems.length === 1 ? "1 problem" : `${summary.problems.length} problems`));
  }
}

async function fillAll() {
  const waiting = [...document.querySelectorAll("[data-card][data-key]")];
  const worker = async () => {
    for (let card = waiting.shift(); card; card = waiting.shift()) {
      try { fill(card, await getJSON(`/r/${card.dataset.key}/summary.json`)); } catch (error) {
        if (error.status !== undefined) { card.querySelector('[data-slot="changed"]').textContent = "not readable"; card.title = error.message; }
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

// A change of the list itself loads the page anew, unless something is typed, open or under way; anything else fills the cards.
const shown = () => [...document.querySelectorAll("[data-card]")].map((card) => `${card.dataset.card}${card.dataset.key ? "" : "!"}`).sort().join("\n");
let isSending = false, isFilling = false;
document.addEventListener("submit", (event) => { if (event.target.method === "post") isSending = true; }); // not what closes a dialog
onChange(async () => {
  if (isFilling) return;
  isFilling = true;
  try {
    const { cards } = await getJSON("/index.json");
    const now = cards.map((card) => `${card.repository.name} ${card.repository.path}${card.problem ? "!" : ""}`).sort().join("\n");
    const isBusy = isSending || document.querySelector("dialog[open], details[open]") || (find && find.value) || !document.querySelector('[data-testid="going-on"]').hidden;
    if (now === shown() || isBusy) await fillAll();
    else if (location.pathname === "/") location.reload();
    else { // the answer to a form, which a reload would send again
      const folder = document.querySelector("[data-checklist]")?.dataset.checklist;
      location.replace(folder ? `/?folder=${encodeURIComponent(folder)}#steps-title` : "/");
    }
  } catch { /* offline: the live mark says so */ } finally { isFilling = false; }
});
await fillAll();
ready();
