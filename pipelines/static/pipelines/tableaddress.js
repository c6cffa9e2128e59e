// The view of the commits table in its address.
const MAX_NAMED = 20; // rows

/** What the address says of the view, and the rows it names, by beginnings of their ids. */
export function readAddress(state, picked) {
  const query = new URLSearchParams(location.search);
  const list = (name) => (query.get(name) || "").split(",").filter(Boolean).map(decodeURIComponent);
  state.q = query.get("q") || "";
  state.sort = list("sort").map((item) => ({ id: item.replace(/^-/, ""), down: item.startsWith("-") }));
  state.only = query.has("only");
  state.delta = query.has("delta");
  state.base = query.get("base") || "";
  state.hide = new Set(list("hide"));
  state.lower = new Set(list("lower"));
  state.higher = new Set(list("higher"));
  state.density = query.get("density") || localStorage.getItem("density") || "compact";
  for (const sha of list("rows")) picked.add(sha);
}

export function writeAddress(state, picked) {
  const query = new URLSearchParams(location.search);
  const put = (name, value) => { if (value) query.set(name, value); else query.delete(name); };
  const list = (values) => [...values].map((value) => value.replace(/[%,]/g, encodeURIComponent)).join(",");
  put("q", state.q);
  put("sort", list(state.sort.map((item) => (item.down ? "-" : "") + item.id)));
  put("only", state.only ? "1" : "");
  put("delta", state.delta ? "1" : "");
  put("base", state.base);
  put("hide", list(state.hide));
  put("lower", list(state.lower));
  put("higher", list(state.higher));
  put("density", state.density === "compact" ? "" : state.density);
  put("rows", picked.size <= MAX_NAMED ? list([...picked].map((sha) => (sha.length >= 40 ? sha.slice(0, 12) : sha))) : "");
  const text = query.toString();
  history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
}
