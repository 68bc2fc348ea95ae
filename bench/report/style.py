"""The page's style sheet: light and dark, print, and colours that stay apart for colour-blind eyes
(after Okabe and Ito; lines differ in dashes too, so that nothing hangs on colour alone)."""

CSS = """
:root { --paper: #fcfcfa; --card: #fff; --ink: #1c2128; --soft: #626d7a; --hair: #e3e5e8; --shade: #f0f1ee;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #cc79a7; --c4: #e69f00; --c5: #56b4e9; --c6: #8a6d3b;
  --c7: #6b7280; --good: #00724f; --bad: #b23c00; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --card: #1b1f25; --ink: #e7e9ec;
  --soft: #98a2ad; --hair: #2d333b; --shade: #23282f; --c0: #4ba3dd; --c1: #f08a4b; --c2: #3cc79c;
  --c3: #dfa3c4; --c4: #f0be55; --c5: #8fd0f5; --c6: #c0a26c; --c7: #9aa3ae; --good: #3cc79c; --bad: #f08a4b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1160px; margin: 0 auto; padding: 36px 28px 60px; }
h1 { font-size: 30px; font-weight: 650; letter-spacing: -.02em; margin: 0 0 4px; }
h2 { font-size: 21px; font-weight: 620; letter-spacing: -.01em; margin: 44px 0 4px; }
h3 { font-size: 14px; font-weight: 620; margin: 0 0 2px; }
p { margin: 0 0 10px; max-width: 76ch; }
.soft, .lead { color: var(--soft); }
.lead { font-size: 17px; margin-bottom: 22px; }
.verdict { display: inline-block; padding: 3px 12px; border-radius: 99px; font-weight: 600; font-size: 14px;
  border: 1.5px solid currentColor; margin: 0 8px 8px 0; }
.good { color: var(--good); } .bad { color: var(--bad); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 1px;
  background: var(--hair); border: 1px solid var(--hair); border-radius: 10px; overflow: hidden; margin: 18px 0 8px; }
.figures div { background: var(--card); padding: 14px 16px; }
.figures b { display: block; font-size: 25px; font-weight: 640; letter-spacing: -.02em; line-height: 1.15; }
.figures span { color: var(--soft); font-size: 13px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr)); gap: 18px; margin: 18px 0; }
.card { background: var(--card); border: 1px solid var(--hair); border-radius: 10px; padding: 16px 18px 12px; }
.card.wide { grid-column: 1 / -1; }
.card > p { color: var(--soft); font-size: 13px; margin: 0 0 8px; }
svg.plot { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 11px; }
.grid { stroke: var(--hair); stroke-width: 1; } .axis, .tickline { stroke: var(--soft); stroke-width: 1; }
.rule { stroke: var(--bad); stroke-width: 1.2; stroke-dasharray: 2 4; } .shade { fill: var(--shade); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.area { opacity: .13; stroke: none; }
.mark { font-weight: 600; }
.dash { stroke-dasharray: 6 4; } .dot { stroke-dasharray: 2 3; }
svg .mark.dash, svg .mark.dot { stroke-dasharray: none; }
.shares { display: block; border-radius: 6px; overflow: hidden; }
.shares .in { fill: #fff; font-weight: 600; }
.keys { list-style: none; margin: 2px 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 2px 18px; font-size: 12.5px; color: var(--soft); }
.keys svg { vertical-align: 1px; margin-right: 6px; }
.legend { list-style: none; margin: 10px 0 4px; padding: 0; font-size: 13px; columns: 2 300px; }
.legend li { break-inside: avoid; padding: 1px 0; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 7px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { text-align: right; font-weight: 600; color: var(--soft); font-size: 12.5px; vertical-align: bottom; }
td, th { padding: 6px 10px; border-bottom: 1px solid var(--hair); }
td { text-align: right; white-space: nowrap; } td:first-child, th:first-child { text-align: left; white-space: normal; padding-left: 0; }
tr:last-child td { border-bottom: 0; } tr.us td { font-weight: 650; } tr.us .soft { font-weight: 400; } td.left, th.left { text-align: left; white-space: normal; }
.scroll { overflow-x: auto; }
pre { background: var(--shade); border-radius: 8px; padding: 12px 14px; overflow-x: auto; font-size: 12.5px; line-height: 1.45; white-space: pre-wrap; overflow-wrap: anywhere; }
details summary { cursor: pointer; color: var(--soft); margin: 12px 0 6px; }
footer { margin-top: 50px; padding-top: 14px; border-top: 1px solid var(--hair); color: var(--soft); font-size: 13px; }
@media print { :root { --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --hair: #ccc; --shade: #f3f3f3; }
  main { max-width: none; padding: 0; } .card, .figures, table { break-inside: avoid; } details > * { display: block; }
  body { font-size: 11pt; } .cards { grid-template-columns: 1fr 1fr; } }
""" + "".join(f".line.s{i} {{ stroke: var(--c{i}); }} .area.s{i} {{ fill: var(--c{i}); }} "
              f"svg .mark.s{i} {{ fill: var(--c{i}); }} rect.c{i} {{ fill: var(--c{i}); }} "
              f"i.c{i} {{ background: var(--c{i}); }}\n" for i in range(8))
