// Cards of runs that go on: digits change in place.
import { act, actionButton, cancel, commandOf, decide } from "../launcher/actions.js";
import { coded, el, formatNumber, formatSize, getJSON, icon } from "../launcher/frame.js";
import { redraw, say } from "./keyed.js";
import { runPage, shortParams } from "./queuelinks.js";
import { spark } from "./spark.js";
import { duration, wholeDuration } from "./times.js";

/** {node, update(card)} of one running run. */
export function runningCard(card) {
  let now = card, seen = []; // [seconds, value] of the metric while the page looked, for what writes no curve
  const title = el("a", { class: "strong trunc plain card-name", title: card.name, href: runPage(card), "data-testid": "running-name" }, card.name);
  const hash = el("span", { class: "hash" }, card.kind === "queue" ? card.id.slice(0, 7) : "");
  const state = el("span", { class: "state", "data-testid": "running-state" });
  const stop = el("button", { type: "button", class: "btn btn-danger", "data-testid": "stop", onclick: () => stopRun(now) }, icon("stop"), "Stop");
  stop.title = card.kind === "queue" ? commandOf(["queue", "kill", card.word]) : "As Ctrl-C in the terminal it was started in";
  const from = el("span", { class: "trunc" });
  const value = el("span", { class: "big" }), metric = el("span", { class: "t3 sm trunc" }), delta = el("span", { class: "sm nowrap" });
  const line = spark("card-spark");
  const figures = el("div", { class: "rcg" }, el("div", { class: "row base" }, value, metric, delta), line.node);
  const stage = el("span", { class: "medium trunc stage-name" }), bar = el("span", { class: "bar grow", role: "progressbar", "aria-label": "Progress", "aria-valuemin": "0", "aria-valuemax": "100" }, el("i"));
  const count = el("span", { class: "t2 nowrap", "data-testid": "running-count" }), left = el("span", { class: "t3 nowrap" });
  const said = el("div", { class: "lg mono trunc", "data-testid": "running-line" });
  const worker = el("span"), cpu = el("span", { "data-testid": "running-cpu" }), memory = el("span", { "data-testid": "running-memory" }), gpu = el("span"), elapsed = el("span", { title: "Since it started" }), beat = el("span", { title: "Last sign of life", "data-testid": "heartbeat" });
  const node = el("section", { class: "card rcd", "data-testid": "running-card", "data-run": card.name, "aria-label": `Running: ${card.name}` },
    el("div", { class: "row" }, el("span", { class: `sw s-${card.series}` }), title, hash, state, el("span", { class: "grow" }), el("a", { class: "btn btn-quiet", href: `${runPage(card)}#log`, "data-testid": "to-log" }, icon("term"), "Log"), stop),
    el("div", { class: "row sm t2" }, icon("branch", "i14"), from), figures,
    el("div", { class: "row sm" }, stage, bar, count, left), said,
    el("div", { class: "row sm t3 ft" }, worker, cpu, memory, gpu, el("span", { class: "grow" }), elapsed, beat));
  line.node.classList.add(`s-${card.series}`);

  function update(next, workerNumber = null) {
    now = next;
    node.dataset.state = next.late_s === null ? "running" : "stuck";
    redraw(state, next.late_s === null ? "running" : `stuck ${Math.floor(next.late_s)}`, () => (next.late_s === null ? [icon("run", "spin"), "Running"] : [icon("warn"), `Stuck? silent for ${wholeDuration(next.late_s)}`]));
    state.className = `state ${next.late_s === null ? "is-run" : "is-warn"}`;
    state.title = next.late_s === null ? "" : "It has written nothing for more than ten times what its steps usually take";
    const whence = next.kind === "queue" ? next.branch || next.baseline.slice(0, 7) : "in the workspace";
    redraw(from, [whence, next.params, next.targets], () => [whence, ...(next.params.length ? [el("span", { class: "t3" }, " · "), ...shortParams(next.params).flatMap((text, index) => [index ? ", " : "", el("span", { class: "mono" }, text)])] : []), ...(next.targets.length && next.kind === "queue" ? [el("span", { class: "t3" }, ` · ${next.targets.join(" ")}`)] : [])]);
    from.title = next.params.join(", ");
    figures.hidden = next.value === null && next.curve.length < 2;
    say(value, next.value === null ? "" : formatNumber(next.value));
    say(metric, next.metric);
    const change = next.value !== null && next.base !== null ? next.value - next.base : null;
    say(delta, change === null || change === 0 ? "" : `${change > 0 ? "+" : ""}${formatNumber(Number(change.toPrecision(4)))}`);
    delta.className = `sm nowrap ${!change || !next.better ? "t3" : (change > 0) === (next.better === "higher") ? "up" : "down"}`;
    delta.title = "Against the commit it starts from";
    if (next.value !== null && next.value !== seen.at(-1)?.[1]) seen = [...seen, [next.elapsed_s, next.value]].slice(-200);
    line.draw(next.curve.length ? next.curve : seen);
    say(stage, next.stage || "Preparing");
    const inStage = next.steps && next.step !== null ? Math.min(next.step / next.steps, 1) : 0;
    const part = next.steps ? inStage : next.stages_planned ? (next.stages_done ?? 0) / next.stages_planned : 0;
    bar.querySelector("i").style.setProperty("width", `${Math.round(1000 * part) / 10}%`);
    bar.setAttribute("aria-valuenow", String(Math.round(100 * part)));
    const stages = next.stages_planned ? `stage ${Math.min((next.stages_done ?? 0) + 1, next.stages_planned)} of ${next.stages_planned}` : "";
    say(count, next.step !== null ? `${next.step}${next.steps ? ` of ${next.steps}` : ""} ${next.unit}s${next.stages_planned > 1 ? `, ${stages}` : ""}` : stages);
    say(left, next.left_s === null ? "" : next.left_s < 1 ? (next.steps ? "about to end" : "longer than usual") : `about ${wholeDuration(next.left_s)} left`);
    say(said, next.line || "Nothing was written yet");
    said.title = next.line;
    say(worker, workerNumber ? `Worker ${workerNumber}` : next.host && next.kind === "queue" && !next.usage ? next.host : "");
    say(cpu, next.usage && next.usage.cpu_percent !== null ? `CPU ${Math.round(next.usage.cpu_percent)} %` : "");
    say(memory, next.usage ? `Memory ${formatSize(next.usage.memory_bytes)}` : "");
    say(gpu, next.usage && next.usage.gpu_bytes ? `GPU ${formatSize(next.usage.gpu_bytes)}` : "");
    say(elapsed, wholeDuration(next.elapsed_s));
    say(beat, next.heartbeat_s === null ? "" : `Heartbeat ${wholeDuration(next.heartbeat_s)} ago`);
  }
  update(card);
  return { node, update };
}

/** Ask, then end a run. */
export async function stopRun(card) {
  if (card.kind !== "queue") { await stopOwn(card); return; }
  const force = el("input", { type: "checkbox", "data-testid": "stop-force" });
  const argv = () => ["queue", "kill", ...(force.checked ? ["-f"] : []), card.word];
  const isSure = await decide({
    title: `Stop ${card.name}?`, testid: "stop-run", confirm: "Stop it", isDanger: true, argv,
    content: [el("p", {}, `It has been running for ${duration(card.elapsed_s)}${card.step !== null ? `, ${card.step}${card.steps ? ` of ${card.steps}` : ""} ${card.unit}s` : ""}. Its log and what it wrote so far stay, and it can be retried.`),
      el("label", { class: "row" }, force, "Kill it at once, without the time to clean up")],
  });
  if (isSure) await act(argv(), { undo: { label: "Retry", argv: ["queue", "retry", card.name] }, done: `Stopped ${card.name}` });
}

/** A run of the workspace: what was started from a page is interrupted, anything else belongs to its terminal. */
async function stopOwn(card) {
  const { items } = await getJSON(`/r/${document.body.dataset.repository}/actions.json`);
  const item = items.find((one) => one.state === "running" && /^dataver (repro|exp run)\b/.test(one.command));
  const isSure = await decide({
    title: item ? "Interrupt this run?" : "This run belongs to a terminal", testid: "stop-run", confirm: item ? "Interrupt it" : "Close", isDanger: Boolean(item), command: item && card.pid ? `kill -INT ${card.pid}` : null,
    content: [el("p", {}, ...coded(item ? `As Ctrl-C in a terminal: the stage that \`${item.command}\` runs is interrupted, finished stages are kept.` : `It was started on the command line (process ${card.pid}). Press Ctrl-C there.`))],
  });
  if (isSure && item) await cancel(item);
}

export const retryButton = (row) => actionButton("Retry", ["queue", "retry", row.word], { symbol: "redo", classes: "btn-row", testid: "retry" });
