// A run's stages side by side on a time line, one lane per worker, while it goes on and a moment after.
import { el } from "../launcher/frame.js";
import { patchList, say } from "./keyed.js";
import { wholeDuration } from "./times.js";

const LANES_SHOWN = 6;
const NAMED_PX = 44; // narrower bars say their name in the tooltip only
const TONES = { running: "run", succeeded: "ok", restored: "ok", verified: "ok", imported: "ok", failed: "bad", interrupted: "bad" };
const WORDS = { succeeded: "done", restored: "from the run cache" };
const percent = (part, whole) => `${Math.min(100, Math.max(0, part / whole * 100))}%`;
const time = (seconds) => new Date(seconds * 1000).toTimeString().slice(0, 8);

export class Lanes {
  /** root: an element of the page. choose(id): a bar was pressed. */
  constructor(root, choose) {
    Object.assign(this, { root, choose, run: null, since: 0, commands: new Map(), rows: new Map(), bars: new Map() });
    this.title = el("h3", {}, "This run");
    this.words = el("span", { class: "sm t3 trunc", "data-testid": "lanes-words", role: "status" });
    this.command = el("code", { class: "sm t3 trunc hide-md" });
    this.box = el("div", { class: "lanebox" });
    this.begin = el("span", {});
    this.now = el("span", { class: "at-now" });
    this.end = el("span", { class: "at-end" });
    this.more = el("div", { class: "sm t3", hidden: true });
    root.replaceChildren(el("div", { class: "row lanes-head" }, this.title, this.words, el("span", { class: "grow" }), this.command), this.box, this.more,
      el("div", { class: "lane" }, el("span"), el("div", { class: "lx sm t3", "aria-hidden": "true" }, this.begin, this.now, this.end)));
  }

  /** run: of the JSON twin, or null. steps: id -> "14/40". command: as it was typed, where this page knows it. True when it came or went, so that the graph has another room. */
  update(run, steps, command) {
    const was = this.root.hidden;
    if (run && command) this.commands.set(run.run_id, command);
    this.run = run;
    this.since = Date.now();
    this.steps = steps;
    this.root.hidden = !run;
    if (run) this.draw();
    return was !== this.root.hidden;
  }

  get seconds() { return this.run.seconds + (this.run.state === "running" ? (Date.now() - this.since) / 1000 : 0); }
  tick() { if (this.run && this.run.state === "running") this.draw(); }

  draw() {
    const { run } = this;
    const goes = run.state === "running", seconds = this.seconds;
    const left = goes && run.left_s !== null ? Math.max(0, run.left_s - (Date.now() - this.since) / 1000) : null;
    const whole = Math.max(seconds + (left ?? (goes ? seconds * 0.1 : 0)), 0.1);
    const used = Math.max(0, ...run.stages.map((stage) => stage.lane + 1));
    const count = Math.min(Math.max(run.jobs, used), LANES_SHOWN);
    const workers = `${run.jobs} ${run.jobs === 1 ? "worker" : "workers"}`;
    const planned = run.planned ? `, ${run.looked} of ${run.planned} stages` : "";
    say(this.title, goes ? "This run" : "Last run");
    say(this.words, goes ? `${workers}${planned}, ${wholeDuration(seconds)} elapsed${left === null ? "" : left < 1 ? ", about to end" : `, about ${wholeDuration(left)} left`}` : `${workers}${planned}, ${run.state === "succeeded" ? "done" : run.state} after ${wholeDuration(seconds)}`);
    const command = this.commands.get(run.run_id) ?? run.command;
    say(this.command, command);
    this.command.title = command;
    patchList(this.box, Array.from({ length: count }, (_, lane) => lane), this.rows, (lane) => lane, (lane) => {
      const track = el("div", { class: "lt" });
      return { track, node: el("div", { class: "lane", "data-testid": "lane" }, el("span", { class: "sm t2" }, `Worker ${lane + 1}`), track), update: () => {} };
    });
    patchBars(this, whole, seconds);
    this.more.hidden = used <= LANES_SHOWN;
    say(this.more, `and ${used - LANES_SHOWN} more lanes`);
    const started = new Date(run.started_at).getTime() / 1000;
    say(this.begin, time(started));
    say(this.now, goes && seconds / whole > 0.12 && seconds / whole < 0.8 ? "now" : "");
    this.now.style.left = percent(seconds, whole);
    say(this.end, goes ? (left === null ? "" : `about ${time(started + whole)}`) : time(started + seconds));
    this.box.style.setProperty("--now", percent(seconds, whole));
    this.box.classList.toggle("is-over", !goes);
  }
}

function patchBars(lanes, whole, seconds) {
  const { run, rows, bars, choose, steps } = lanes;
  const wanted = new Set(), width = lanes.box.clientWidth - 72;
  for (const stage of run.stages) {
    const row = rows.get(stage.lane);
    if (!row) continue;
    const key = `${run.run_id} ${stage.id} ${stage.at}`;
    wanted.add(key);
    let bar = bars.get(key);
    if (!bar) {
      bar = el("button", { type: "button", "data-testid": "lane-stage", "data-stage": stage.id, onclick: () => choose(stage.id) });
      bars.set(key, bar);
    }
    if (bar.parentNode !== row.track) row.track.append(bar);
    const took = stage.seconds ?? Math.max(0, seconds - stage.at);
    const words = `${stage.id}${steps.has(stage.id) ? `, ${steps.get(stage.id)}` : ""}`;
    say(bar, took / whole * width < NAMED_PX ? "" : words);
    bar.className = `lb b-${TONES[stage.state] ?? "idle"}`;
    bar.title = `${words}: ${WORDS[stage.state] ?? stage.state}, ${wholeDuration(took)}`;
    bar.setAttribute("aria-label", bar.title);
    bar.style.left = percent(stage.at, whole);
    bar.style.width = percent(took, whole);
  }
  for (const [key, bar] of bars) if (!wanted.has(key)) { bar.remove(); bars.delete(key); }
}
