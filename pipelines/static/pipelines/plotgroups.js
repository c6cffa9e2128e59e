// "Group by": lines of runs that share a param get a colour with a mean and a band, a dash, or a part of each card.
import { el } from "../launcher/frame.js";
import { byId, state } from "./plotstate.js";

/** change(): lines are to be asked for anew. Gives {show}: fill the menu for the present revisions. */
export function startGrouping(change) {
  const menu = byId("group-menu");
  let shown = "";
  const set = (group, by) => {
    state.group = group;
    state.by = by;
    const params = new URLSearchParams(location.search);
    if (group) { params.set("group", group); params.set("by", by); } else { params.delete("group"); params.delete("by"); }
    history.replaceState(null, "", `${location.pathname}${params.size ? `?${params}` : ""}`);
    mark();
    change();
  };
  const label = () => state.page.columns.find((column) => column.id === state.group)?.label || state.group.split(":").slice(2).join(":");
  const mark = () => {
    byId("group-name").textContent = state.group ? label() : "none";
    for (const button of byId("group-by").children) button.setAttribute("aria-pressed", String(button.dataset.by === state.by));
    for (const input of menu.querySelectorAll("input")) input.checked = input.value === state.group;
  };
  for (const button of byId("group-by").children) button.addEventListener("click", () => set(state.group, button.dataset.by));
  return { show() {
    const columns = state.page.columns.filter((column) => column.kind === "params" && (column.varies || column.id === state.group));
    const text = JSON.stringify(columns);
    if (text !== shown) {
      shown = text;
      const radio = (value, word) => el("label", {}, el("input", { type: "radio", name: "group", value, "data-testid": "group", onchange: () => set(value, state.by) }), el("span", { class: "trunc", title: word }, word));
      byId("group-list").replaceChildren(radio("", "none"), ...columns.map((column) => radio(column.id, column.label)));
      if (!columns.length) byId("group-list").append(el("p", { class: "t3 sm none-here" }, "The revisions shown have the same params. Add another one."));
    }
    mark();
  } };
}
