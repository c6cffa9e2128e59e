// The settings page: its parts, each drawn again only when what it shows has changed.

import { ready, getJSON, problemCard, onChange } from "../frame.js";
import { drawParams } from "./params.js";
import { drawRemotes } from "./remotes.js";
import { drawConfig } from "./configfiles.js";
import { drawCache, drawWorkers, drawExperiments, drawHooks, drawAppearance, drawTrust } from "./parts.js";

const key = document.body.dataset.repository;
// name of a section: what draws it, and the part of the page's data it shows
const PARTS = {
  params: [drawParams, (page) => [page.params, page.branch, page.problem]],
  remotes: [drawRemotes, (page) => [page.remotes, page.levels]],
  cache: [drawCache, (page) => [page.cache, page.entries]],
  workers: [drawWorkers, (page) => [page.workers]],
  experiments: [drawExperiments, (page) => [page.entries]],
  hooks: [drawHooks, (page) => [page.hooks]],
  appearance: [drawAppearance, () => []],
  trust: [drawTrust, (page) => [page.trusted_at]],
  config: [drawConfig, (page) => [page.entries, page.levels]],
};
const WORKERS_MS = 3000;
const shown = {};
let page = JSON.parse(document.getElementById("settings").textContent);
let asking = null;
let lastAsked = Date.now();

/** Ask again and draw what differs. */
async function refresh() {
  if (asking) { asking.again = true; return; }
  asking = {};
  lastAsked = Date.now();
  try {
    page = await getJSON(`/r/${key}/settings.json`);
    draw();
  } catch (error) { showProblem({ reason: error.message }); }
  const again = asking.again;
  asking = null;
  if (again) refresh();
}

function draw() {
  showProblem(page.problem);
  for (const [name, [part, facts]] of Object.entries(PARTS)) {
    const text = JSON.stringify(facts(page));
    if (shown[name] === text) continue;
    shown[name] = text;
    const node = document.getElementById(name);
    keepingFocus(node, () => part(node, page, refresh));
  }
}

function showProblem(problem) {
  const node = document.getElementById("settings-problem");
  node.hidden = !problem;
  node.replaceChildren(...(problem ? [problemCard({ ...problem, hint: problem.hint || "Change or remove the setting below, under Config files. Until then other pages cannot open this project." })] : []));
}

/** Redraw without moving the focus: the element of the same name gets it. */
function keepingFocus(node, work) {
  const active = node.contains(document.activeElement) ? document.activeElement : null;
  const named = active && active.dataset.testid ? `[data-testid="${CSS.escape(active.dataset.testid)}"]` : null;
  const at = named ? [...node.querySelectorAll(named)].indexOf(active) : -1;
  work();
  if (active && !active.isConnected && at >= 0) { const again = node.querySelectorAll(named)[at]; if (again) again.focus(); }
}

// --- the list of sections follows the scroll and the address
const links = [...document.querySelectorAll(".sn a")];
const scroller = document.getElementById("settings-scroll");
function mark(name) { for (const link of links) if (link.hash === `#${name}`) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current"); }
function follow() {
  const top = scroller.getBoundingClientRect().top + 60;
  const sections = Object.keys(PARTS).map((name) => document.getElementById(name));
  const at = sections.filter((section) => section.getBoundingClientRect().top <= top).pop() || sections[0];
  mark(at.id);
}
scroller.addEventListener("scroll", follow, { passive: true });

draw();
follow();
if (location.hash && document.getElementById(location.hash.slice(1))) document.getElementById(location.hash.slice(1)).scrollIntoView();
ready();
onChange(refresh);
// workers come and go without a change of the project's files
document.addEventListener("dataver:live", () => { const workers = page.workers; if (workers && (workers.is_on || workers.running) && Date.now() - lastAsked > WORKERS_MS) refresh(); });
document.addEventListener("dataver:acted", refresh);
