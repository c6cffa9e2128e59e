// The question before an experiment is applied: what becomes of the workspace.
import { decide } from "../launcher/actions.js";
import { el } from "../launcher/frame.js";

/** content: nodes below it, such as what differs. */
export function askToApply(name, argv, { testid = "apply-run", content = [] } = {}) {
  const code = (text) => el("code", {}, text);
  return decide({ title: `Apply ${name} to the workspace?`, testid, confirm: "Apply", argv, content: [el("p", {}, "Files of the workspace become those of this experiment. Changes that are committed nowhere are kept: those of files in Git as ",
    code("git stash show -p -u refs/exps/apply/stash"), " shows them, those of data in ", code(".dvc/tmp/dataver/replaced"), "."), ...content] });
}
