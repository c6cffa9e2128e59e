"""Style and script of the plots page; colours and sizes are those of the web pages."""
from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --bg-app: #f6f7f9; --bg: #fff; --sunken: #f2f4f7; --line: #e4e7ec; --text: #1a1e24; --text-2: #475060; --text-3: #5f6978;
  --accent: #4350c1; --bad: #b02a1e; --bad-bg: #fceae7; --warn: #855000; --warn-bg: #fcf0d9; --shadow: 0 1px 2px rgb(20 24 31 / .06); }
@media (prefers-color-scheme: dark) { :root { --bg-app: #0f1115; --bg: #15181d; --sunken: #1a1e24; --line: #262b33; --text: #e7eaef; --text-2: #b1bac6;
  --text-3: #929cab; --accent: #a3adff; --bad: #ff9383; --bad-bg: #3f1c18; --warn: #e5b457; --warn-bg: #35280f; --shadow: none; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg-app); color: var(--text); font: 13px/20px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 16px; padding: 12px 24px; background: var(--bg); border-bottom: 1px solid var(--line); }
h1 { margin: 0; font-size: 15px; line-height: 24px; font-weight: 600; }
h2 { margin: 0; font-size: 13px; line-height: 20px; font-weight: 600; overflow-wrap: anywhere; }
header .count { color: var(--text-3); }
.revs { display: flex; flex-wrap: wrap; gap: 4px 12px; margin: 0 0 0 auto; padding: 0; list-style: none; }
.revs li { display: flex; align-items: center; gap: 6px; color: var(--text-2); overflow-wrap: anywhere; }
.revs svg { flex: none; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(440px, 100%), 1fr)); gap: 16px; padding: 16px 24px 32px; align-items: start; }
.card { min-width: 0; background: var(--bg); border: 1px solid var(--line); border-radius: 8px; box-shadow: var(--shadow); overflow: hidden; }
.card > h2 { padding: 12px 16px 4px; }
.card .note { margin: 0; padding: 0 16px; color: var(--text-3); font-size: 12px; line-height: 16px; }
.plot { padding: 8px 16px 12px; overflow-x: auto; }
.plot .vega-embed { width: 100%; }
.plot .vega-bindings { padding-top: 4px; color: var(--text-2); font-size: 12px; }
.plot .vega-bind { display: flex; align-items: center; gap: 8px; }
.plot .vega-bind-name { min-width: 56px; }
.plot input { accent-color: var(--accent); }
.card.wide { grid-column: 1 / -1; }
.plot > svg, .plot > .chart-wrapper > svg { max-width: none; }
.images { display: flex; flex-wrap: wrap; gap: 12px; padding: 8px 16px 16px; }
figure { margin: 0; min-width: 0; max-width: 100%; }
figure img { display: block; max-width: 100%; max-height: 420px; border: 1px solid var(--line); border-radius: 4px; background: #fff; }
figcaption { padding-top: 4px; color: var(--text-2); font-size: 12px; line-height: 16px; overflow-wrap: anywhere; }
.problems { margin: 8px 16px 16px; padding: 0; list-style: none; }
.problems li { padding: 8px 12px; background: var(--warn-bg); border-radius: 6px; overflow-wrap: anywhere; }
.problems li + li { margin-top: 4px; }
.problems b { color: var(--warn); font-weight: 600; }
.failed .problems li { background: var(--bad-bg); }
.failed .problems b { color: var(--bad); }
noscript p { margin: 16px 24px 0; color: var(--text-2); }
#vg-tooltip-element { font: 12px/16px inherit; }
"""

# Vega's expressions are interpreted, never compiled, and its loader loads nothing.
SCRIPT = """
(() => {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const refuse = () => Promise.reject(new Error('plots load nothing'));
  const loader = {load: refuse, sanitize: refuse, http: refuse, file: refuse, options: {}};
  const colours = () => {
    const style = getComputedStyle(document.documentElement), get = (name) => style.getPropertyValue(name).trim();
    const text = get('--text-2'), line = get('--line'), font = getComputedStyle(document.body).fontFamily;
    return {background: null, font, view: {stroke: line}, title: {color: text, font, fontSize: 12, fontWeight: 500},
      axis: {labelColor: text, titleColor: text, gridColor: line, domainColor: line, tickColor: line, labelFont: font, titleFont: font, titleFontWeight: 500},
      legend: {labelColor: text, titleColor: text, labelFont: font, titleFont: font, orient: 'bottom', labelLimit: 240, columns: 3, symbolLimit: 40},
      header: {labelColor: text, titleColor: text}, line: {strokeWidth: 1.75}};
  };
  const draw = (place) => {
    const spec = JSON.parse(document.getElementById(place.dataset.spec).textContent);
    return vegaEmbed(place, spec, {mode: 'vega-lite', ast: true, loader, actions: false, renderer: 'svg', config: colours(), tooltip: {theme: dark.matches ? 'dark' : 'light'}, logLevel: 1, defaultStyle: false})
      .catch((error) => {
        place.textContent = '';
        const list = document.createElement('ul'), item = document.createElement('li');
        list.className = 'problems';
        item.textContent = 'This plot cannot be drawn: ' + (error && error.message || error);
        list.append(item);
        place.append(list);
        place.closest('.card').classList.add('failed');
      });
  };
  const all = async () => { for (const place of document.querySelectorAll('[data-spec]')) await draw(place); document.body.dataset.drawn = '1'; };
  dark.addEventListener('change', all);
  all();
})();
"""
