// Revisions side by side: only the differences, and the lines of a file. Lines are text nodes.
import { el, getJSON, onChange, problemCard, ready } from "../launcher/frame.js";
import { showCurves } from "./comparecurves.js";

const byId = (id) => document.getElementById(id);
const table = byId("comparison");
const only = byId("only");

function setOnly(on) {
  table.dataset.only = on ? "1" : "";
  only.setAttribute("aria-checked", String(on));
  only.querySelector(".toggle").classList.toggle("is-on", on);
  const url = new URL(location.href);
  if (on) url.searchParams.delete("all"); else url.searchParams.set("all", "1");
  history.replaceState(null, "", url.pathname + url.search);
}

async function showCode(button) {
  const { path, column } = button.dataset;
  const heads = byId("page-data").dataset.revs.split(",");
  const query = new URLSearchParams({ a: heads[0], b: heads[Number(column)], path });
  byId("code").hidden = false;
  byId("code-title").textContent = `${path}  ${heads[0]} → ${heads[Number(column)]}`;
  byId("code-lines").replaceChildren(el("span", { class: "t3" }, "Reading…"));
  try {
    const answer = await getJSON(`${byId("page-data").dataset.diff}?${query}`);
    const kinds = { "+": "add", "-": "del", "@": "at", " ": "" };
    byId("code-lines").replaceChildren(...answer.lines.map(([kind, text]) => el("div", { class: kinds[kind] || "" }, `${kind === "@" ? "" : kind}${text}`)),
      ...(answer.is_cut ? [el("div", { class: "t3" }, "The rest is not shown.")] : []), ...(answer.lines.length ? [] : [el("div", { class: "t3" }, "No line differs.")]));
  } catch (error) { byId("code-lines").replaceChildren(problemCard({ where: path, reason: error.message })); }
  byId("code").scrollIntoView({ block: "nearest" });
}

if (table) {
  setOnly(!new URLSearchParams(location.search).has("all"));
  only.addEventListener("click", () => setOnly(table.dataset.only !== "1"));
  table.addEventListener("click", (event) => { const button = event.target.closest("[data-path]"); if (button) showCode(button); });
  byId("code-close").addEventListener("click", () => { byId("code").hidden = true; });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog[open]")) return;
    if (event.key === "o") setOnly(table.dataset.only !== "1");
  });
  if (byId("page-data").dataset.revs.split(",").includes("workspace")) onChange(() => location.reload());
}
ready();
showCurves();
