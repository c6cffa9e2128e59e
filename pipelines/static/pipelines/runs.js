// The list of runs: find, keys, and newer rows without losing place.
import { ready } from "../launcher/frame.js";
import { follow } from "./livepage.js";

const find = document.querySelector("[data-search]");
const rows = () => [...document.querySelectorAll("tr[data-run]")];

function filter() {
  const words = find ? find.value.trim().toLowerCase().split(/\s+/).filter(Boolean) : [];
  let shown = 0;
  for (const row of rows()) {
    row.hidden = !words.every((word) => row.dataset.find.toLowerCase().includes(word));
    const cause = row.nextElementSibling;
    if (cause && cause.dataset.of === row.dataset.run) cause.hidden = row.hidden;
    shown += row.hidden ? 0 : 1;
  }
  const none = document.querySelector("[data-none]");
  if (none) none.hidden = shown > 0;
}
if (find) {
  find.addEventListener("input", filter);
  find.addEventListener("keydown", (event) => { if (event.key === "Escape") { find.value = ""; filter(); document.querySelector(".scroll").focus({ preventScroll: true }); } });
}
document.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-run]");
  if (row && !event.target.closest("a, button") && !String(getSelection())) row.querySelector("a").click();
});
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select, dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
  const shown = rows().filter((row) => !row.hidden);
  if (!step || !shown.length) return;
  const at = shown.findIndex((row) => row.contains(document.activeElement));
  shown[Math.min(Math.max(at + step, 0), shown.length - 1)].querySelector("a").focus();
  event.preventDefault();
});
follow(() => Boolean(document.querySelector('[data-live="list"] .spin')), () => {
  if (!find && rows().length) location.reload(); // the first run: now there is something to find
  else filter();
});
ready();
