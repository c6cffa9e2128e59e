// Workers: how many, what each does; and what the machine is busy with.
import { act, commandOf, decide } from "../launcher/actions.js";
import { el, formatSize, icon } from "../launcher/frame.js";
import { redraw, say } from "./keyed.js";
import { pageOf } from "./queuelinks.js";
import { spark } from "./spark.js";

const SAMPLES = 90; // of the machine, about a minute
const SAID_MS = 3000; // after a command is done, until the page has heard of it

/** argv that has `count` workers at work. */
export const startLine = (count, gpus = []) => ["queue", "start", "-j", String(count), "--exact", ...(gpus.length ? ["--gpus", gpus.join(",")] : [])];

let turn = Promise.resolve();
/**
 * Start, stop or count workers after what was asked for before: of two command lines at once, the one that was clicked first might have the
 * last word. make: gives the argv when it is its turn, or null when it is not wanted any more.
 */
export function inTurn(make, options) {
  const mine = turn.then(() => { const argv = make(); return argv && act(argv, options); });
  turn = mine.catch(() => {});
  return mine;
}

/** {node, update(page)} of the card of workers. */
export function workersCard() {
  let now = null;
  const list = el("div", { "data-testid": "workers" });
  const less = el("button", { type: "button", class: "btn btn-icon", "aria-label": "One worker less", "data-testid": "less-workers", onclick: () => change(-1) }, icon("minus"));
  const more = el("button", { type: "button", class: "btn btn-icon", "aria-label": "One worker more", "data-testid": "more-workers", onclick: () => change(1) }, icon("plus"));
  const number = el("span", { class: "medium nowrap", "data-testid": "worker-count" });
  const gpus = el("button", { type: "button", class: "btn btn-quiet", "data-testid": "gpus", title: "Devices of stages with a queue of their own", onclick: chooseGpus }, "GPUs");
  const node = el("section", { class: "card workers" }, list, el("div", { class: "wk wk-foot" }, less, number, more, el("span", { class: "grow" }), gpus));
  let asked = null; // {count} of the last click, until the server says the same, or SAID_MS after it was done

  const lineFor = (count) => (count > 0 ? startLine(count, now.workers.gpus) : ["queue", "stop"]);
  const said = () => (now.workers.is_on ? now.workers.jobs : 0);
  const wanted = () => asked?.count ?? said();
  function change(step) {
    const count = wanted() + step;
    if (count < 0) return;
    const mine = asked = { count };
    show();
    const argv = () => (asked !== mine ? null : lineFor(count)); // null: clicked again meanwhile
    const forget = () => { if (asked === mine) { asked = null; show(); } };
    inTurn(argv, { quiet: true }).then((item) => { mine.isDone = true; setTimeout(forget, item?.state === "done" ? SAID_MS : 0); }, forget);
  }
  function show() {
    const count = wanted();
    say(number, `${count} worker${count === 1 ? "" : "s"}`);
    if (count === 0 && document.activeElement === less) more.focus();
    less.disabled = count === 0;
    less.title = commandOf(lineFor(count - 1));
    more.title = commandOf(lineFor(count + 1));
    number.title = `This computer has ${now.machine.cores} core${now.machine.cores === 1 ? "" : "s"}`;
    say(gpus.firstChild, now.workers.gpus.length ? `GPUs ${now.workers.gpus.join(",")}` : "GPUs");
  }
  async function chooseGpus() {
    const input = el("input", { value: now.workers.gpus.join(","), placeholder: "0,1", "data-testid": "gpu-ids", "aria-label": "Devices" });
    const argv = () => startLine(Math.max(wanted(), 1), input.value.split(",").map((text) => text.trim()).filter(Boolean));
    const isSure = await decide({ title: "Devices of the workers", testid: "gpu-dialog", confirm: "Use them", argv, content: [
      el("p", {}, "Stages with ", el("code", {}, "meta: {dataver: {queue: gpu}}"), " run one at a time on each of these devices; it is their CUDA_VISIBLE_DEVICES."), el("label", { class: "field" }, input)] });
    if (isSure) await inTurn(argv);
  }
  function update(page) {
    now = page;
    if (asked?.isDone && said() === asked.count) asked = null;
    const { workers, counts } = page;
    redraw(list, workers, () => (workers.lines.length ? workers.lines.map((line) => el("div", { class: "wk", "data-testid": "worker", "data-pid": line.pid },
      el("span", { class: "medium nowrap", title: `Process ${line.pid}` }, `Worker ${line.number}`),
      line.run ? el("span", { class: "state is-run" }, icon("run", "spin"), "Running") : el("span", { class: "state is-idle" }, icon("clock"), workers.is_ending ? "Leaving" : "Idle"),
      line.run ? el("a", { class: "t2 sm trunc", href: pageOf(line.run) }, line.run) : null)) : [el("div", { class: "wk t3" }, workers.is_on ? `Ready: ${workers.jobs === 1 ? "a worker starts" : `up to ${workers.jobs} start`} when something waits` : counts.waiting ? "None is at work; what waits stays" : "None is at work")]));
    show();
  }
  return { node, update };
}

/** {node, update(machine)}: processor, memory, disk, and GPUs. */
export function machineCard() {
  const rows = new Map();
  const node = el("section", { class: "card mach", "data-testid": "machine" });
  let samples = 0;
  function row(name, text, value, high) {
    let found = rows.get(name);
    if (!found) {
      const said = el("span", {}), line = spark("mach-spark");
      found = { said, line, values: [], node: el("div", {}, el("div", { class: "row sm" }, el("span", { class: "t3 trunc" }, name), el("span", { class: "grow" }), said), line.node) };
      rows.set(name, found);
      node.append(found.node);
    }
    say(found.said, text);
    if (value === null) return;
    found.values.push([samples, value]);
    if (found.values.length > SAMPLES) found.values.shift();
    found.line.draw(found.values, { low: 0, high, hasDot: false });
  }
  return { node, update(machine) {
    samples += 1;
    row("Processor", machine.cpu_percent === null ? "" : `${Math.round(machine.cpu_percent)} % of ${machine.cores} core${machine.cores === 1 ? "" : "s"}`, machine.cpu_percent, 100);
    if (machine.memory_total) row("Memory", `${formatSize(machine.memory_used).replace(/ (\w+)$/, " $1")} of ${formatSize(machine.memory_total)}`, machine.memory_used, machine.memory_total);
    row("Disk left", formatSize(machine.disk_free), null, 1);
    for (const gpu of machine.gpus) row(`GPU ${gpu.index}`, `${Math.round(gpu.percent)} %, ${formatSize(gpu.used_bytes)} of ${formatSize(gpu.total_bytes)}`, gpu.percent, 100);
  } };
}

