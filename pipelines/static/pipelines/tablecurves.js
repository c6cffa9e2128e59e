// Columns of what curves come to: the dialog that adds one, and the values, which the server finds out bit by bit.
import { decide } from "../launcher/actions.js";
import { el, getJSON } from "../launcher/frame.js";
import { table, takeCurves } from "./tabledata.js";
import { view } from "./tableview.js";

const AGAIN_MS = 300;
const WHATS = [["best", "Best value"], ["last", "Last value"], ["min", "Smallest value"], ["max", "Largest value"], ["first", "First value"]];
let url = "", redraw = () => {}, asking = false;

export function startCurves(address, given) {
  url = address;
  redraw = given;
  document.getElementById("add-curve").addEventListener("click", add);
}

/** Ask for the values of the chosen curves; again while rows are still to be read. */
export async function loadCurves() {
  if (!table.data) return;
  if (!view.curves.length) { if (table.columns.some((column) => column.id.startsWith("curve:"))) { takeCurves(); redraw({ columns: true, keepsPlace: true }); } return; }
  if (asking) return;
  asking = true;
  try {
    const query = new URLSearchParams([...new Set(view.curves.map((text) => text.slice(text.indexOf(":") + 1)))].map((id) => ["curve", id]));
    const branch = new URLSearchParams(location.search).get("branch");
    if (branch) query.set("branch", branch);
    const answer = await getJSON(`${url}?${query}`);
    takeCurves(answer);
    redraw({ columns: true, keepsPlace: true });
    if (answer.waiting) setTimeout(loadCurves, AGAIN_MS);
  } catch { /* the live mark tells; what is shown stays */ } finally { asking = false; }
}

async function add() {
  document.getElementById("chooser").open = false;
  const { curves } = await getJSON(url).catch(() => ({ curves: [] }));
  const curve = el("select", { class: "grow", "data-testid": "curve", "aria-label": "Curve" }, ...curves.map((one) => el("option", { value: one.id }, one.label)));
  const what = el("select", { "data-testid": "curve-what", "aria-label": "Value" }, ...WHATS.map(([value, word]) => el("option", { value }, word)));
  const content = curves.length ? [el("p", { class: "t2" }, "One value of each row's curve. Its step shows on hover."), el("div", { class: "row" }, what, el("span", { class: "t2" }, "of"), curve)] : [el("p", {}, "No plot of the workspace or of the last commit has steps: a table with a column step or epoch, and one of numbers.")];
  if (!(await decide({ title: "Add a column from a curve", testid: "add-curve-dialog", confirm: curves.length ? "Add the column" : "Close", content })) || !curves.length) return;
  const text = `${what.value}:${curve.value}`;
  if (!view.curves.includes(text)) view.curves.push(text);
  takeCurves();
  redraw({ columns: true });
  loadCurves();
}
