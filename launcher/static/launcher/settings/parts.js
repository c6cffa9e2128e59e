// The smaller parts: cache, workers, experiments, hooks, appearance, trust.

import { coded, el, icon, formatSize, getJSON, postJSON, chosen, keep, nextTheme, localTimes } from "../frame.js";
import { actionButton, askForTrust, decide, note } from "../actions.js";
import { settingRow } from "./setting.js";

const base = `/r/${document.body.dataset.repository}`;
const head = (title, explain, ...more) => el("div", { class: "sh2" }, el("h2", {}, title), el("span", { class: "t3 sm trunc" }, explain), el("span", { class: "grow" }), ...more);
const line = (label, testid, ...value) => el("div", { class: "lvr", "data-testid": testid }, el("span", { class: "lab" }, label), el("span", { class: "val wraps" }, ...value));
const state = (look, symbol, word) => el("span", { class: `state ${look}` }, icon(symbol), word);

// --- cache
let facts = null;
export function drawCache(node, page) {
  const size = el("span", {}, "counting…");
  const works = el("span", { class: "row" }, "trying…");
  node.replaceChildren(head("Cache", "where every version of the data lies"),
    page.cache ? el("div", { class: "card" },
      settingRow(page, "cache.dir", "Folder", "", page.cache.dir),
      line("Size", "cache-size", size),
      settingRow(page, "cache.type", "Link types", "tried in this order", page.cache.types.join(", ")),
      line("Possible here", "cache-works", works),
      settingRow(page, "cache.shared", "Shared", "files that a group of users may write", "no")) : el("div", { class: "card nothing" }, "The configuration has to be mended first."));
  if (!page.cache) return;
  const show = () => {
    size.textContent = facts.bytes === null ? "no cache yet" : `${formatSize(facts.bytes)}${facts.counted ? "" : " or more"}`;
    works.replaceChildren(...(facts.works ? ["reflink", "hardlink", "symlink", "copy"].map((kind) => (facts.works.includes(kind) ? state("is-ok", "done", kind) : state("", "block", `${kind}: not here`))) : [el("span", {}, ...coded(facts.problem))]));
  };
  if (facts) show();
  getJSON(`${base}/settings/cache.json`).then((found) => { facts = found; show(); }).catch((error) => { size.textContent = error.message; works.textContent = ""; });
}

// --- workers
export function drawWorkers(node, page) {
  const workers = page.workers;
  if (!workers) { node.replaceChildren(head("Workers", "what runs queued experiments"), el("div", { class: "card nothing" }, "The configuration has to be mended first.")); return; }
  const count = el("input", { type: "number", min: "1", max: "64", "data-testid": "workers-count", "aria-label": "Workers" });
  count.value = String(chosen("queue.jobs", workers.jobs));
  count.addEventListener("change", () => { if (count.valueAsNumber >= 1) keep("queue.jobs", count.valueAsNumber); });
  const jobs = () => String(Math.max(1, count.valueAsNumber || 1));
  node.replaceChildren(head("Workers", "experiments of the queue that run at the same time"), el("div", { class: "card" },
    line("Now", "workers-now", workers.running ? state("is-run", "run", `${workers.running} ${workers.running === 1 ? "worker" : "workers"} at work`) : workers.is_on ? state("", "clock", "Switched on, none at work") : state("", "pause", "None at work"), workers.gpus.length ? el("span", { class: "says" }, `devices ${workers.gpus.join(", ")}`) : null),
    el("div", { class: "lvr" }, el("span", { class: "lab" }, "Number"), el("span", { class: "val row" }, el("label", { class: "field" }, count), el("span", { class: "says" }, "remembered for this project, on this machine")),
      actionButton("Start", () => ["queue", "start", "-j", jobs()], { symbol: "play", testid: "workers-start" }),
      actionButton("Stop", ["queue", "stop"], { symbol: "stop", testid: "workers-stop" }))));
}

// --- experiments
export function drawExperiments(node, page) {
  node.replaceChildren(head("Experiments", "how they run and where they go"), el("div", { class: "card" },
    settingRow(page, "exp.auto_push", "Push by itself", "each new experiment and its data, as soon as it is done", "false"),
    settingRow(page, "exp.git_remote", "Git remote", "where experiments are pushed to", "origin"),
    settingRow(page, "core.autostage", "Stage for Git", "`git add` every file that dataver writes for Git"),
    settingRow(page, "hydra.enabled", "Hydra", "compose params.yaml before each experiment")));
}

// --- hooks
const HOOK_WORDS = { installed: ["is-ok", "done", "Installed"], missing: ["", "minus", "Not installed"], outdated: ["is-warn", "warn", "Of an older version, or dvc's"], foreign: ["is-warn", "warn", "Somebody else's; left alone"] };
export function drawHooks(node, page) {
  const hooks = page.hooks;
  const title = (...more) => head("Git hooks", "so that Git and data keep in step", ...more);
  if (!hooks) { node.replaceChildren(title(), el("div", { class: "card nothing" }, "This project is not in a Git repository, so there is nothing to install.")); return; }
  const argv = hooks.attributes.length ? ["install", "--gitattributes"] : ["install"];
  const done = hooks.hooks.every((hook) => hook.state === "installed") && hooks.driver === "installed" && !hooks.attributes.length;
  node.replaceChildren(title(done ? null : actionButton("Install", argv, { symbol: "plus", testid: "install-hooks" })), el("div", { class: "card" },
    ...hooks.hooks.map((hook) => el("div", { class: "lvr", "data-testid": `hook-${hook.name}` }, el("span", { class: "lab mono sm" }, hook.name), el("span", { class: "val t2" }, ...coded(hook.does)), state(...HOOK_WORDS[hook.state]))),
    el("div", { class: "lvr", "data-testid": "merge-driver" }, el("span", { class: "lab" }, "Merge driver"), el("span", { class: "val wraps t2" }, "merges .dvc files and dvc.lock by entry", hooks.attributes.length ? el("span", { class: "says" }, `.gitattributes lacks: ${hooks.attributes.join(", ")}`) : null),
      hooks.driver === "installed" && hooks.attributes.length ? state("is-warn", "warn", "Not used yet") : state(...HOOK_WORDS[hooks.driver])),
    hooks.problem ? el("div", { class: "lvr" }, el("span", { class: "val wraps is-warn" }, hooks.problem)) : null));
}

// --- appearance
const THEMES = [["", "System"], ["light", "Light"], ["dark", "Dark"]];
const themeNow = () => { const name = document.documentElement.dataset.theme || ""; return name === "auto" ? "" : name; }; // "auto" is how Django's admin says it
export function drawAppearance(node) {
  const themes = el("span", { class: "seg", role: "group", "aria-label": "Theme" }, ...THEMES.map(([name, word]) => el("button", { type: "button", "data-testid": `theme-${name || "system"}`, onclick: () => setTheme(name) }, word)));
  const mark = () => [...themes.children].forEach((button, at) => button.setAttribute("aria-pressed", String(themeNow() === THEMES[at][0])));
  const setTheme = (name) => { for (let turn = 0; turn < THEMES.length && themeNow() !== name; turn += 1) nextTheme(); mark(); };
  document.addEventListener("dataver:theme", mark);
  mark();
  const notify = el("input", { type: "checkbox", "data-testid": "notifications", "aria-label": "Notifications" });
  notify.checked = chosen("notifications", true);
  const says = el("span", { class: "says" }, "");
  const tell = () => { says.textContent = !notify.checked ? "off" : !("Notification" in window) ? "only in the window of the desktop" : Notification.permission === "granted" ? "on" : Notification.permission === "denied" ? "this browser does not allow them; allow them for this address" : "the browser asks when you switch this on"; };
  notify.addEventListener("change", async () => {
    keep("notifications", notify.checked);
    if (notify.checked && "Notification" in window && Notification.permission === "default") await Notification.requestPermission().catch(() => {});
    tell();
  });
  tell();
  node.replaceChildren(head("Appearance", "of the pages, for you"), el("div", { class: "card" },
    line("Theme", "theme-row", themes),
    line("Notifications", "notifications-row", el("label", { class: "row" }, notify, "when a run ends or fails", says))));
}

// --- trust
export function drawTrust(node, page, refresh) {
  const since = page.trusted_at ? el("time", { datetime: page.trusted_at }, page.trusted_at) : null;
  node.replaceChildren(head("Trust", "may pages run what this project's files say?"), el("div", { class: "card" },
    el("div", { class: "lvr", "data-testid": "trust-state" }, el("span", { class: "lab" }, "This project"), el("span", { class: "val wraps" }, page.trusted_at ? state("is-ok", "done", "Trusted") : state("", "lock", "Not trusted"), page.trusted_at ? el("span", { class: "says" }, "since ", since) : el("span", { class: "says" }, "asked for when an action needs it; until then nothing of it runs")),
      page.trusted_at ? el("button", { type: "button", class: "btn btn-danger", "data-testid": "distrust", title: "The next action that runs the project's commands asks again", onclick: () => withdraw(refresh) }, "Withdraw")
        : el("button", { type: "button", class: "btn", "data-testid": "give-trust", title: "Let pages run this project's commands", onclick: async () => { if (await askForTrust("dataver repro")) refresh(); } }, "Trust it"))));
  localTimes(node);
}
async function withdraw(refresh) {
  const isSure = await decide({ title: "Withdraw trust?", testid: "distrust-dialog", confirm: "Withdraw", isDanger: true, content: [el("p", {}, "The next action that would run commands of this project asks first. What runs now goes on; `dataver` in a terminal is not affected.")] });
  if (!isSure) return;
  await postJSON(`${base}/distrust`).then(() => note("Trust is withdrawn"), (error) => note(error.message, { isBad: true }));
  refresh();
}
