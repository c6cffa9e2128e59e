// The form that adds a stage: what is typed becomes the words of `dataver stage add`.
import { act, decide, optionWords } from "../launcher/actions.js";
import { el } from "../launcher/frame.js";

const LISTS = [["deps", "-d", "Dependencies", "Files and folders it reads, one per line"], ["params", "-p", "Params", "Keys of params.yaml it reads, or FILE:KEYS, one per line"], ["outs", "-o", "Outputs", "Files and folders it makes, kept in the cache"], ["metrics", "-M", "Metrics", "Metrics files it makes, kept in Git"]];
const NAME = /^[^\\/@$:;#&*"'|?<>!`~%^,\s.{}[\]()=+-][^\\/@$:;#&*"'|?<>!`~%^,\s.{}[\]()=+]*$/;
const lines = (field) => field.value.split("\n").map((line) => line.trim()).filter(Boolean);

/** taken: names there are. Resolves to the name of the stage that was added, or "". */
export async function openStageForm(taken) {
  const field = (testid, label, hint, node) => el("label", { class: "sf-field" }, el("span", { class: "medium" }, label), node, hint ? el("span", { class: "t3 sm" }, hint) : null);
  const name = el("input", { type: "text", class: "sf-in mono", autocomplete: "off", spellcheck: "false", "data-testid": "stage-name", placeholder: "train" });
  const command = el("textarea", { class: "sf-in mono", rows: "2", spellcheck: "false", "data-testid": "stage-command", placeholder: "python src/train.py" });
  const lists = new Map(LISTS.map(([key, flag]) => [key, { flag, node: el("textarea", { class: "sf-in mono", rows: "3", spellcheck: "false", "data-testid": `stage-${key}` }) }]));
  const always = el("input", { type: "checkbox", "data-testid": "stage-always" });
  const problem = el("p", { class: "is-bad sm", role: "alert", "data-testid": "stage-problem", hidden: true });
  const argv = () => ["stage", "add", "-n", name.value.trim() || "NAME", ...[...lists.values()].flatMap(({ flag, node }) => lines(node).flatMap((value) => optionWords(flag, value))), ...(always.checked ? ["--always-changed"] : []), "--", command.value.trim() || "COMMAND"];
  const wrong = () => !name.value.trim() ? "A stage needs a name." : !NAME.test(name.value.trim()) ? "A name holds letters, digits, _ and -." : taken.includes(name.value.trim()) ? `There is a stage "${name.value.trim()}" already.` : !command.value.trim() ? "A stage needs a command." : "";
  const check = () => { problem.textContent = wrong(); problem.hidden = !problem.textContent; return problem.hidden; };
  const isSure = await decide({
    title: "Add a stage", testid: "add-stage", confirm: "Add stage", isWide: true, argv, check,
    content: [el("div", { class: "sf" }, field("", "Name", "", name), field("", "Command", "What a shell runs in the project's folder; it is not run now", command), ...LISTS.map(([key, , label, hint]) => field("", label, hint, lists.get(key).node))),
      el("label", { class: "row" }, always, "Run it every time, whether something changed or not"), problem],
    onOpen: () => name.focus(),
  });
  if (!isSure) return "";
  const item = await act(argv(), { done: `Added the stage ${name.value.trim()} to dvc.yaml` });
  return item && item.state === "done" ? name.value.trim() : "";
}
