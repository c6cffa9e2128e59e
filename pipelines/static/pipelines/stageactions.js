// What can be done with stages: run, freeze, edit, add, remove. Each is a command line of dataver, but for the text of a dvc.yaml.
import { act, actionButton, cancel, commandOf, decide, note } from "../launcher/actions.js";
import { chosen, el, getJSON, icon, keep, postJSON } from "../launcher/frame.js";

const JOBS = "pipeline.jobs";
const MAX_JOBS = 8;
const CHECK_MS = 250; // after the last key
const body = document.body;

export const jobs = () => Math.min(MAX_JOBS, Math.max(1, Number(chosen(JOBS, 2)) || 1));
const side = () => (jobs() > 1 ? ["-j", String(jobs())] : []);

/** The argv that runs what changed. files: the dvc.yaml files of the project. */
export const runChanged = (files) => ["repro", ...(files.length === 1 && files[0] === "dvc.yaml" ? [] : ["-P"]), ...side()];

/** A choice of how many stages run at once; changed: called after it. */
export function jobsChoice(changed) {
  const select = el("select", { class: "select", "data-testid": "jobs", "aria-label": "Stages at once", title: "How many independent stages run at once" },
    ...Array.from({ length: MAX_JOBS }, (_, index) => el("option", { value: index + 1, selected: index + 1 === jobs() }, `${index + 1} at once`)));
  select.addEventListener("change", () => { keep(JOBS, Number(select.value)); changed(); });
  return select;
}

/** Buttons of the panel. node: of the JSON twin. stop: the item of the action that runs now, or null. */
export function stageButtons(node, { isRunning, stop, reload }) {
  const name = node.id;
  if (node.kind === "data") {
    return [actionButton("Commit", ["commit", "-f", name], { symbol: "check", testid: "commit-data" }), actionButton("Checkout", ["checkout", name], { symbol: "undo", testid: "checkout-data" })];
  }
  const buttons = [];
  if (node.state === "running" && stop) buttons.push(el("button", { type: "button", class: "btn", "data-testid": "stop-run", title: `Interrupt ${stop.command}`, onclick: () => cancel(stop) }, icon("stop"), "Stop"));
  else if (node.state === "failed") buttons.push(actionButton("Retry from here", () => ["repro", "--downstream", name, ...side()], { symbol: "redo", classes: "btn-primary", testid: "retry" }));
  else buttons.push(actionButton("Run", () => ["repro", name, ...side()], { symbol: "play", testid: "run-stage" }));
  if (isRunning) buttons[0].disabled = node.state !== "running";
  const more = [
    menuItem("Run from here down", "arrow-r", ["repro", "--downstream", name, ...side()], "run-downstream"),
    menuItem("Run again, changed or not", "redo", ["repro", "-f", "-s", name], "run-force"),
    el("hr"),
    el("button", { type: "button", class: "menu-i btn-danger", "data-testid": "remove-stage", title: commandOf(["remove", name]), onclick: () => removeStage(node) }, icon("trash"), "Remove the stage"),
  ];
  const menu = el("details", { class: "switcher more", "data-menu": "" }, el("summary", { class: "btn btn-icon", "aria-label": "More", title: "More", "data-testid": "more" }, icon("dots")), el("div", { class: "menu" }, ...more));
  menu.addEventListener("click", (event) => { if (event.target.closest(".menu-i")) menu.open = false; });
  buttons.push(
    actionButton(node.frozen ? "Unfreeze" : "Freeze", [node.frozen ? "unfreeze" : "freeze", name], { symbol: "lock", testid: "freeze" }),
    el("button", { type: "button", class: "btn", "data-testid": "edit-stage", title: `Edit ${node.file}`, onclick: () => editPipeline(node.file, node.id).then(reload) }, icon("edit"), "Edit"),
    menu);
  return buttons;
}
function menuItem(label, symbol, argv, testid) {
  return el("button", { type: "button", class: "menu-i", "data-testid": testid, title: commandOf(argv), onclick: () => act(argv) }, icon(symbol), label);
}

async function removeStage(node) {
  const argv = ["remove", node.id];
  const isSure = await decide({
    title: `Remove ${node.id}?`, confirm: "Remove the stage", isDanger: true, argv, testid: "remove",
    content: [el("p", {}, `It is taken out of ${node.file}, its outputs out of dvc.lock and .gitignore. The files themselves stay where they are.`),
      node.outs.length ? el("ul", { class: "mono sm" }, ...node.outs.map((out) => el("li", {}, out.path))) : null].filter(Boolean),
  });
  if (!isSure) return;
  const before = await getJSON(`${body.dataset.text}?${new URLSearchParams({ file: node.file })}`);
  await act(argv, { done: `Removed ${node.id}`, undo: { label: "Undo", run: () => restore(node.file, before.text) } });
}
async function restore(file, text) {
  try {
    const { version } = await getJSON(`${body.dataset.text}?${new URLSearchParams({ file })}`);
    const answer = await postJSON(body.dataset.edit, { file, text, version, save: true });
    note(answer.saved ? `${file} is as it was; the next run records its outputs again` : answer.problems[0].reason, { isBad: !answer.saved });
  } catch (error) { note(error.message, { isBad: true }); }
}

// --- a new stage
/** A form that makes a `dataver stage add` line. */
export async function addStage() {
  const fields = [
    ["name", "Name", "train", "What the stage is called"], ["command", "Command", "python train.py", "As in a shell"],
    ["deps", "Reads", "data.csv train.py", "Files and folders, a line or a space between them"], ["params", "Params", "lr,epochs", "Keys of params.yaml, or FILE:KEYS"],
    ["outs", "Makes", "model.pkl", "Kept in the cache, out of Git"], ["metrics", "Metrics", "metrics.json", "Small files, kept in Git"],
  ];
  const inputs = {};
  const rows = fields.map(([key, label, example, hint]) => {
    inputs[key] = el("input", { type: "text", id: `stage-${key}`, "data-testid": `stage-${key}`, placeholder: example, autocomplete: "off", spellcheck: "false", required: key === "name" || key === "command" });
    return [el("label", { for: `stage-${key}`, class: "medium" }, label), el("div", {}, el("span", { class: "field" }, inputs[key]), el("span", { class: "t3 sm" }, hint))];
  });
  const words = (key) => inputs[key].value.trim().split(/[\s]+/).filter(Boolean);
  const argv = () => ["stage", "add", "-n", inputs.name.value.trim() || "NAME", ...words("deps").flatMap((path) => ["-d", path]), ...words("params").flatMap((keys) => ["-p", keys]), ...words("outs").flatMap((path) => ["-o", path]), ...words("metrics").flatMap((path) => ["-M", path]), "--", inputs.command.value.trim() || "COMMAND"];
  const isSure = await decide({ title: "Add a stage", confirm: "Add the stage", argv, testid: "add-stage", content: [el("div", { class: "formgrid" }, ...rows.flat())], check: () => Boolean(inputs.name.value.trim() && inputs.command.value.trim()) });
  return isSure ? act(argv(), { done: `Added ${inputs.name.value.trim()}` }) : null;
}

// --- the text of a dvc.yaml
/** An editor with what is wrong by line and what would change; nothing is written before "Save". */
export async function editPipeline(file, stage = "") {
  let opened;
  try {
    opened = await getJSON(`${body.dataset.text}?${new URLSearchParams({ file, stage })}`);
  } catch (error) { note(error.message, { isBad: true }); return false; }
  const numbers = el("div", { class: "ed-numbers mono", "aria-hidden": "true" });
  const area = el("textarea", { class: "mono ed-text", "data-testid": "edit-text", "aria-label": `Text of ${file}`, spellcheck: "false", wrap: "off" });
  const problems = el("div", { class: "ed-problems", role: "status", "data-testid": "edit-problems" });
  const diff = el("pre", { class: "ed-diff mono", tabindex: "0", "aria-label": "What changes", "data-testid": "edit-diff" });
  area.value = opened.text;
  let wrong = new Set(), asked = 0, save = null, isSaved = false;
  const number = () => {
    const count = area.value.split("\n").length;
    numbers.replaceChildren(...Array.from({ length: count }, (_, index) => el("div", wrong.has(index + 1) ? { class: "is-wrong" } : {}, String(index + 1))));
    numbers.scrollTop = area.scrollTop;
  };
  const show = (answer) => {
    wrong = new Set(answer.problems.map((problem) => problem.line).filter(Boolean));
    problems.replaceChildren(...answer.problems.map((problem) => el("div", { class: "state is-bad" }, icon("warn"), el("span", {}, `${problem.line ? `Line ${problem.line}: ` : ""}${problem.reason}`))),
      ...(answer.problems.length ? [] : [el("div", { class: "state is-ok" }, icon("check"), answer.diff.length ? "A valid pipeline" : "Nothing changed yet")]));
    diff.replaceChildren(...answer.diff.map((line) => el("div", { class: line.startsWith("+") ? "is-added" : line.startsWith("-") ? "is-removed" : "" }, line)));
    diff.hidden = answer.diff.length === 0;
    save.disabled = answer.problems.length > 0 || answer.diff.length === 0;
    number();
  };
  const check = async () => {
    const mine = ++asked;
    try {
      const answer = await postJSON(body.dataset.edit, { file, text: area.value, version: opened.version });
      if (mine === asked) show(answer);
    } catch (error) { problems.replaceChildren(el("div", { class: "state is-bad" }, icon("warn"), error.message)); }
  };
  let waiting = null;
  area.addEventListener("input", () => { number(); save.disabled = true; clearTimeout(waiting); waiting = setTimeout(check, CHECK_MS); });
  area.addEventListener("scroll", () => { numbers.scrollTop = area.scrollTop; });
  area.addEventListener("keydown", (event) => {
    if (event.key !== "Tab" || event.shiftKey || event.altKey) return;
    event.preventDefault(); // two spaces, as YAML wants; Esc, then Tab leaves
    area.setRangeText("  ", area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  });
  const isSure = await decide({
    title: `Edit ${file}`, confirm: "Save", command: `$EDITOR ${file}`, testid: "edit", isWide: true,
    content: [el("div", { class: "ed-box" }, numbers, area), problems, diff],
    onOpen: ({ go }) => {
      save = go;
      save.disabled = true;
      number();
      check();
      const at = opened.text.split("\n").slice(0, opened.line - 1).join("\n").length + (opened.line > 1 ? 1 : 0);
      area.focus();
      area.setSelectionRange(at, at);
      area.scrollTop = Math.max(0, (opened.line - 4) * 18);
    },
  });
  if (!isSure) return false;
  try {
    isSaved = (await postJSON(body.dataset.edit, { file, text: area.value, version: opened.version, save: true })).saved;
    note(isSaved ? `Saved ${file}` : `${file} was not saved: it is no valid pipeline`, { isBad: !isSaved, undo: isSaved ? { label: "Undo", run: () => restore(file, opened.text) } : null });
  } catch (error) { note(error.message, { isBad: true }); }
  return isSaved;
}
