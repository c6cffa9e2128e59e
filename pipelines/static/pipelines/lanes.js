// The stages of a run side by side, one lane for each that ran at the same time.
import { el } from "../launcher/frame.js";
import { formatDuration, look } from "./stagestate.js";

const STATES = { succeeded: "up to date", restored: "up to date", verified: "up to date", imported: "up to date", failed: "failed", interrupted: "failed", running: "running" };
const TICK_MS = 500;
const clock = (date) => date.toTimeString().slice(0, 8);

/** Draws into a box and keeps the bars growing. show(run, choose): run of the JSON twin or null. */
export class Lanes {
  constructor(box) {
    this.box = box;
    this.run = null;
    this.since = 0; // when the facts came, as performance.now()
    setInterval(() => { if (this.run && this.run.state === "running" && !document.hidden) this.stretch(); }, TICK_MS);
  }

  show(run, choose) {
    this.box.hidden = !run;
    this.run = run;
    this.since = performance.now();
    if (!run) { this.box.replaceChildren(); return; }
    const count = 1 + Math.max(...run.stages.map((stage) => stage.lane));
    this.words = el("span", { class: "sm t3", "data-testid": "lanes-words" });
    const lanes = [];
    this.bars = [];
    for (let lane = 0; lane < count; lane += 1) {
      const bars = run.stages.filter((stage) => stage.lane === lane).map((stage) => {
        const { word, tone } = look(STATES[stage.state] || stage.state);
        const bar = el("button", { type: "button", class: `lb b-${tone}`, "data-testid": "lane-stage", "data-id": stage.id, title: `${stage.id}: ${word}`, onclick: () => choose(stage.id) }, stage.id);
        this.bars.push([bar, stage]);
        return bar;
      });
      lanes.push(el("div", { class: "lane" }, el("span", { class: "sm t2" }, `Worker ${lane + 1}`), el("div", { class: "lt" }, ...bars)));
    }
    this.now = el("span", { class: "sm t3" });
    this.end = el("span", { class: "sm t3" });
    this.box.replaceChildren(
      el("div", { class: "row" }, el("h3", {}, "This run"), this.words, el("span", { class: "grow" }), el("code", { class: "sm t3 trunc" }, run.command)),
      ...lanes,
      el("div", { class: "lane" }, el("span", {}), el("div", { class: "row lt-times" }, el("span", { class: "sm t3" }, run.started_at ? clock(new Date(run.started_at)) : ""), el("span", { class: "grow" }), this.now, this.end)));
    this.stretch();
  }

  stretch() {
    const { run } = this;
    const passed = run.state === "running" ? (performance.now() - this.since) / 1000 : 0;
    const elapsed = run.seconds + passed;
    const left = run.left_s === null ? null : Math.max(0, run.left_s - passed);
    const whole = Math.max(elapsed + (left ?? elapsed * 0.1), 0.001);
    for (const [bar, stage] of this.bars) {
      const seconds = stage.seconds ?? elapsed - stage.at;
      bar.style.left = `${stage.at / whole * 100}%`;
      bar.style.width = `${Math.max(seconds / whole * 100, 0.8)}%`;
    }
    const count = 1 + Math.max(...run.stages.map((stage) => stage.lane));
    const parts = [`${count} worker${count === 1 ? "" : "s"}`, `${formatDuration(elapsed)} elapsed`];
    if (run.planned) parts.push(`${run.looked} of ${run.planned} stages`);
    if (run.state === "running" && left !== null) parts.push(left < 1 ? "nearly done" : `about ${formatDuration(left)} left`);
    if (run.state !== "running") parts.push(run.state === "succeeded" ? "done" : run.state);
    this.words.textContent = parts.join(", ");
    this.end.textContent = run.state === "running" && left ? `about ${clock(new Date(Date.now() + left * 1000))}` : "";
  }
}
