// Where the page of a run is.
const base = `/r/${document.body.dataset.repository}/`;

/** Of what has {id, name, kind, run_id}: by name while that is an experiment's, else by the id of its task or journal. */
export function runPage(item) { return `${base}runs/${encodeURIComponent(item.kind === "workspace" ? item.run_id : item.id || item.name)}`; }
export const pageOf = (name) => `${base}runs/${encodeURIComponent(name)}`;

/** `lr=0.1`, `conf.json:x=2` as the dialog's changes. */
export function changesOf(params) {
  return Object.fromEntries(params.map((text) => { const at = text.indexOf("="); return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)]; }));
}

/** `lr 0.1, epochs 5`: without what stands before the last dot, unless two params would be called the same. */
export function shortParams(texts) {
  const leaf = (text) => text.slice(0, text.indexOf("=") < 0 ? undefined : text.indexOf("=")).replace(/^.*[.:]/, "");
  const leaves = texts.map(leaf);
  return texts.map((text, index) => (text.includes("=") && leaves[index] && leaves.indexOf(leaves[index]) === leaves.lastIndexOf(leaves[index]) ? `${leaves[index]} ${text.slice(text.indexOf("=") + 1)}` : text.replace("=", " ")));
}
/** The part of a cause that says most: a command's last words, where it had some. */
export const shortCause = (cause) => (/ its last words: (.+)$/s.exec(cause)?.[1] ?? cause);
