// What the reader's settings make of a line's spec and rows: smoothing, a logarithmic axis, clipped outliers.

/** Rows with `s`, the moving average of y along each line; weights fall by `amount` per row, and the start is corrected. */
export function smoothed(rows, amount) {
  if (!amount) return rows.map((row) => ({ ...row }));
  const state = new Map();
  return rows.map((row) => {
    if (row.y === null) return { ...row };
    const line = `${row.rev}\n${row.line}`;
    const [before, count] = state.get(line) || [0, 0];
    const average = before * amount + (1 - amount) * row.y;
    state.set(line, [average, count + 1]);
    return { ...row, s: average / (1 - amount ** (count + 1)) };
  });
}

/** Give every scale of y that is a number something else: change(scale, channel). */
function eachY(node, change) {
  if (Array.isArray(node)) { for (const item of node) eachY(item, change); return; }
  if (!node || typeof node !== "object") return;
  for (const [name, value] of Object.entries(node)) {
    if (name === "values" || name === "datasets" || name === "config") continue;
    if (name === "y" && value && value.type === "quantitative") { value.scale = { ...(value.scale || {}) }; change(value.scale, value); } else eachY(value, change);
  }
}

/** A logarithmic y; with values of 0 and below, one that knows them, too. */
function setLog(spec, rows) {
  eachY(spec, (scale, channel) => {
    scale.type = rows.every((row) => typeof row[channel.field] !== "number" || row[channel.field] > 0) ? "log" : "symlog";
    delete scale.zero;
  });
}

const SHARE = 0.02; // of values at each end that are outliers
/** y from the 2nd to the 98th of a hundred values, with some room. */
function setClip(spec, rows) {
  const values = rows.map((row) => row.y).filter((value) => typeof value === "number").sort((one, other) => one - other);
  if (values.length < 10) return;
  const low = values[Math.floor(values.length * SHARE)], high = values[Math.ceil(values.length * (1 - SHARE)) - 1];
  if (high > low) eachY(spec, (scale) => { scale.domain = [low - (high - low) * 0.05, high + (high - low) * 0.05]; scale.nice = false; delete scale.zero; delete scale.padding; });
}

/** The spec as it is drawn with some settings. */
export function prepared(spec, kind, { log, clip, smoothing }) {
  const made = structuredClone(spec);
  const rows = made.data?.values ?? [];
  if (kind === "line" || kind === "facet") {
    made.data.values = smoothed(rows, smoothing || 0);
    for (const param of made.params ?? []) if (param.name === "smoothing") param.value = smoothing || 0;
    if (clip) setClip(made, rows);
  }
  if (log) setLog(made, rows);
  return made;
}

/** The spec without its rows: when it stays the same, new rows go into the chart that is there. */
export function frameOf(spec) {
  const { data, datasets, ...frame } = spec;
  return JSON.stringify([frame, data?.name]);
}
