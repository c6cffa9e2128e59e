// What the table says when there is nothing to show, each with the next step.
import { commandLine } from "../launcher/actions.js";
import { el } from "../launcher/frame.js";
import { table } from "./tabledata.js";
import { view } from "./tableview.js";

/** A card, or null when rows and columns are there. clear: takes the filter away. run: opens the dialog of runs, or null. firstStage: the page that adds stages, where there is none. */
export function emptyMessage({ hasGit, clear, run, firstStage }) {
  const { data, matches, rows, columns } = table;
  const card = (testid, title, text, ...more) => el("div", { class: "empty-card", "data-testid": testid }, el("p", { class: "medium" }, title), el("p", { class: "t2" }, text), ...more);
  const hasValues = columns.some((column) => column.kind !== "meta");
  const nextButton = firstStage ? el("a", { class: "btn btn-primary", "data-testid": "empty-stage", href: firstStage }, "Add a stage") : run ? el("button", { type: "button", class: "btn btn-primary", "data-testid": "empty-run", onclick: run }, "Run the pipeline") : null;
  if (matches && !rows.length) return card("empty-filtered", "No row matches", view.q, el("button", { type: "button", class: "btn", "data-testid": "clear-filter", onclick: clear }, "Clear the filter"));
  if (data.waiting) return null;
  if (!hasGit && !hasValues) return card("empty-no-git", "This project is not in Git", "History comes from commits. In the project's folder:", commandLine("git init"));
  if (data.rows.id.length <= 1 && hasGit && !hasValues) return card("empty-project", "No commit yet", "Each commit becomes a row here, with its experiments below it. In the project's folder:", commandLine("git add --all && git commit -m Start"));
  if (data.rows.id.length <= 1 && hasGit) return card("empty-project", "No commit yet", "The workspace is all there is so far. Each commit becomes a row here:", commandLine("git add --all && git commit -m Start"));
  if (!hasValues) return card("empty-no-values", "No metrics, params or data yet", "Stages say which files these are. Write one, then run it:", commandLine("dataver stage add --name train --metrics metrics.json 'python train.py'"), nextButton);
  return null;
}
