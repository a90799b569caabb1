// Plots without a library: each has its numbers as text and as a table.
function donut(parts, total, word) {
  const around = 2 * Math.PI * 70;
  const svg = draw("svg", { viewBox: "0 0 190 190", role: "img", "aria-label": parts.map((part) => `${part.name}: ${part.value}`).join(", ") });
  svg.append(draw("circle", { cx: 95, cy: 95, r: 70, class: "arc track", stroke: "none" }));
  let turned = 0;
  for (const part of parts.filter((one) => one.value)) {
    const length = (part.value / total) * around, gap = parts.filter((one) => one.value).length > 1 ? 2 : 0;
    svg.append(draw("circle", { cx: 95, cy: 95, r: 70, class: `arc fill-${part.kind}`, "stroke-dasharray": `${Math.max(length - gap, 1)} ${around}`, "stroke-dashoffset": -turned, transform: "rotate(-90 95 95)" }));
    turned += length;
  }
  svg.append(label(95, 98, String(total), "big", "middle"), label(95, 120, word, "dim", "middle"));
  return make("div", { class: "donut" }, svg, legend(parts));
}
function label(x, y, text, style = "", anchor = "start") {
  return draw("text", { x, y, class: style, "text-anchor": anchor }, text);
}
function legend(parts) {
  return make("ul", { class: "legend" }, parts.map((part) => make("li", {}, make("i", { class: `fill-${part.kind}` }), `${part.name} `, part.value === undefined ? null : make("b", {}, part.value.toLocaleString("en")))));
}
// rows: [{name, values: {kind: number}}], kinds: [{kind, name}]
function bars(rows, kinds, widest) {
  const step = 40, left = 122, width = 450, room = width - left - 46;
  const most = Math.max(1, ...rows.map((row) => sum(row.values)));
  const svg = draw("svg", { viewBox: `0 0 ${width} ${rows.length * step + 2}`, role: "img", "aria-label": rows.map((row) => `${row.name}: ${kinds.filter((kind) => row.values[kind.kind]).map((kind) => `${kind.name} ${row.values[kind.kind]}`).join(", ")}`).join("; ") });
  rows.forEach((row, number) => {
    const y = number * step + 6;
    let x = left;
    svg.append(label(left - 12, y + 18, row.name.length > 16 ? `${row.name.slice(0, 15)}…` : row.name, "", "end"), draw("rect", { x: left, y, width: room, height: 26, rx: 5, class: "track" }));
    for (const kind of kinds) {
      const size = ((row.values[kind.kind] ?? 0) / most) * room;
      if (size) svg.append(draw("rect", { x, y, width: Math.max(size - 1.5, 1.5), height: 26, rx: 4, class: `fill-${kind.kind}` }, draw("title", {}, `${row.name}, ${kind.name}: ${row.values[kind.kind]}`)));
      x += size;
    }
    svg.append(label(x + 8, y + 18, String(sum(row.values)), "dim"));
  });
  return make("div", {}, svg, widest === false ? null : legend(kinds));
}
const sum = (values) => Object.values(values).reduce((one, two) => one + two, 0);
function plot(title, text, drawing, head, rows) {
  return make("figure", { class: "card plot" }, make("h2", {}, title), make("p", {}, text), drawing, make("details", {}, make("summary", {}, "The numbers as a table"), numbers(head, rows)));
}
function numbers(head, rows) {
  const cell = (value, number) => make(number ? "td" : "th", { class: number ? "num" : null, scope: number ? null : "row" }, typeof value === "number" ? value.toLocaleString("en") : value);
  return make("div", { class: "scroll" }, make("table", { class: "data" }, make("thead", {}, make("tr", {}, head.map((name, number) => make("th", { scope: "col", class: number ? "num" : null }, name)))), make("tbody", {}, rows.map((row) => make("tr", {}, row.map(cell))))));
}
