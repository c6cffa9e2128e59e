// What one may type as the values of a param: one, a list, a range, something to draw from; and the runs that come of it.

const NUMBER = "[+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?";
const RANGE = new RegExp(`^(${NUMBER})\\s*\\.\\.\\s*(${NUMBER})(?:\\s+(.*))?$`);
const CALL = /^(choice|range)\(([^()]*)\)$/;
const VALUES_AT_MOST = 10000;
const DIGITS = 6; // significant ones of values that are computed
const DRAWN_DIGITS = 4;
const CLOSERS = { "[": "]", "{": "}", "(": ")" };

/** Parts of a text between commas; commas in quotes and brackets belong to a part. Throws an Error fit to show. */
export function split(text) {
  const parts = [];
  let part = "", quote = "", open = [];
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (quote) {
      if (letter === "\\") { part += letter; at += 1; } else if (letter === quote) quote = "";
    } else if (letter === "'" || letter === '"') { if (!part.trim() || open.length) quote = letter; }
    else if (CLOSERS[letter]) open.push(CLOSERS[letter]);
    else if (open.length && letter === open.at(-1)) open = open.slice(0, -1);
    else if (letter === "," && !open.length) { parts.push(part.trim()); part = ""; continue; }
    part += text[at] ?? "";
  }
  if (quote) throw new Error(`a ${quote} is not closed`);
  if (open.length) throw new Error(`a ${open.at(-1)} is missing`);
  return [...parts, part.trim()];
}

const tidy = (value, digits = DIGITS) => String(Number(value.toPrecision(digits)));
const isWhole = (text) => /^[+-]?\d+$/.test(text);
const asFloat = (text) => (isWhole(text) ? `${text}.0` : text); // of a key with other floats: stays one

/**
 * What a text stands for: {values: texts, from, to, isLog, isWhole}. values is null for a range that only says where to draw from.
 * `0.1` · `1, 2, 3` · `1..10 step 3` · `1..5` · `1e-4..1e-1 log 4` · `0..1 5` · `range(1,5)` · `choice(a,b)`. Throws an Error fit to show.
 */
export function parseValues(text) {
  const typed = text.trim();
  const call = typed.match(CALL);
  if (call && call[1] === "choice") return { values: distinct(split(call[2])) };
  if (call) return { values: dvcRange(split(call[2])) };
  const range = typed.match(RANGE);
  if (!range) {
    const values = split(typed);
    if (values.length > 1 && values.some((value) => value === "")) throw new Error("a value is missing beside a comma");
    return { values: distinct(values) };
  }
  const [, first, last, rest = ""] = range;
  const from = Number(first), to = Number(last), whole = isWhole(first) && isWhole(last);
  const words = rest.trim().split(/\s+/).filter(Boolean);
  const isLog = words[0] === "log", hasStep = words[0] === "step";
  if (isLog || hasStep || words[0] === "lin") words.shift();
  if (words.length > 1) throw new Error(`'${rest.trim()}' is not understood; a range is 1..10 step 3, 0..1 5 or 1e-4..1e-1 log 4`);
  const number = words.length ? Number(words[0]) : null;
  if (number !== null && !(number > 0)) throw new Error(`'${words[0]}' is no number above 0`);
  if (isLog && (from <= 0 || to <= 0)) throw new Error("a range with `log` needs ends above 0");
  const found = { from, to, isLog, isWhole: whole, values: null };
  if (hasStep) {
    if (number === null) throw new Error("a step is missing, as in 1..10 step 3");
    found.values = steps(from, to, number, whole && Number.isInteger(number));
  } else if (number !== null) {
    if (!Number.isInteger(number)) throw new Error(`${words[0]} is no number of values`);
    found.values = spaced(from, to, number, isLog, whole);
  } else if (whole && !isLog) found.values = steps(from, to, 1, true, false);
  return found;
}
function distinct(values) { return [...new Set(values)]; }

function steps(from, to, step, whole, isStrict = true) {
  const count = Math.floor(Math.abs(to - from) / step + 1e-9) + 1;
  if (count > VALUES_AT_MOST) { if (isStrict) throw new Error(`these are more than ${VALUES_AT_MOST} values`); return null; }
  const sign = to < from ? -1 : 1;
  return Array.from({ length: count }, (_, index) => { const text = tidy(from + sign * step * index); return whole ? text : asFloat(text); });
}
function spaced(from, to, count, isLog, whole) {
  if (count > VALUES_AT_MOST) throw new Error(`these are more than ${VALUES_AT_MOST} values`);
  if (count === 1) return [whole ? String(from) : asFloat(tidy(from))];
  const made = (asWhole) => Array.from({ length: count }, (_, index) => at(from, to, index / (count - 1), isLog, asWhole));
  const isEven = whole && (isLog || Number.isInteger((to - from) / (count - 1)));
  return distinct(made(isEven));
}
function at(from, to, part, isLog, whole, digits = DIGITS) {
  const value = isLog ? Math.exp(Math.log(from) + (Math.log(to) - Math.log(from)) * part) : from + (to - from) * part;
  return whole ? String(Math.round(value)) : asFloat(tidy(value, digits));
}
/** As dvc's: the stop is left out. */
function dvcRange(parts) {
  const numbers = parts.map(Number);
  if (!parts[0] || parts.length > 3 || numbers.some(Number.isNaN)) throw new Error("a range is range(stop), range(start,stop) or range(start,stop,step)");
  const [start, stop, step] = numbers.length === 1 ? [0, numbers[0], 1] : [numbers[0], numbers[1], numbers[2] ?? 1];
  const values = [];
  if (step === 0) throw new Error("a step of 0 leads nowhere");
  for (let index = 0; values.length <= VALUES_AT_MOST; index += 1) {
    const value = start + index * step;
    if (step > 0 ? value >= stop : value <= stop) return values;
    values.push(parts.every(isWhole) ? String(value) : asFloat(tidy(value)));
  }
  throw new Error(`these are more than ${VALUES_AT_MOST} values`);
}

/** One value by chance. random: a number from 0 up to 1. */
function drawn(found, random) {
  if (found.from === undefined) return found.values[Math.floor(random * found.values.length)];
  if (found.isWhole && !found.isLog) return String(found.from + Math.floor(random * (Math.abs(found.to - found.from) + 1)) * Math.sign(found.to - found.from || 1));
  return at(found.from, found.to, random, found.isLog, found.isWhole, DRAWN_DIGITS);
}

/**
 * The runs of some params. rows: [{name, text}] (name: `lr` or `file:key`). Gives {rows: [[value, ...], ...] (cut at `shown`), count, overrides: [`lr=1,2`],
 * isZip, errors: Map(name -> text)}. random: {count, dice: (row, index) -> 0..1}, or null for all combinations.
 */
export function runsOf(rows, random, shown = 200) {
  const errors = new Map(), found = [];
  for (const row of rows) {
    try {
      const values = parseValues(row.text);
      if (values.values === null && !random) throw new Error(values.isWhole ? `say how many values, as in ${row.text.trim()} step 10` : `say how many values, as in ${row.text.trim()} 5 or ${row.text.trim()} log 5`);
      found.push({ name: row.name, ...values });
    } catch (error) { errors.set(row.name, error.message); }
  }
  if (errors.size) return { rows: [], count: 0, overrides: [], isZip: false, errors };
  if (random) {
    const made = Array.from({ length: random.count }, (_, index) => found.map((item) => drawn(item, random.dice(item.name, index))));
    const overrides = found.map((item, column) => `${item.name}=${made.map((row) => row[column]).join(",")}`);
    return { rows: made.slice(0, shown), count: made.length, overrides, isZip: random.count > 1 && found.length > 0, errors };
  }
  const count = found.reduce((product, item) => product * item.values.length, 1);
  const made = [];
  for (let index = 0; index < Math.min(count, shown); index += 1) {
    let rest = index;
    const row = [];
    for (const item of [...found].reverse()) { row.unshift(item.values[rest % item.values.length]); rest = Math.floor(rest / item.values.length); }
    made.push(row);
  }
  return { rows: made, count, overrides: found.map((item) => `${item.name}=${item.values.join(",")}`), isZip: false, errors };
}
