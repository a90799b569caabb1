// A unified diff as hunks of blocks: equal lines, or lines that are taken away and put there instead.
function parseDiff(file) {
  const hunks = [];
  let hunk = null;
  for (const line of file.diff.split("\n").slice(2, -1)) {
    const head = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line);
    if (head) hunks.push((hunk = newHunk(head, file.open?.[hunks.length] ?? ["", ""])));
    else if (line[0] === "\\") continue;
    else place(hunk, line[0], line.slice(1));
  }
  return hunks;
}
function newHunk(head, open) {
  const start = (number, count) => Number(number) + (count === "0" ? 1 : 0);
  return { old: start(head[1], head[2]), next: start(head[3], head[4]), from: Number(head[1]), oldOpen: open[0], newOpen: open[1], blocks: [] };
}
function place(hunk, sign, text) {
  const equal = sign === " ";
  let block = hunk.blocks.at(-1);
  if (!block || block.equal !== equal) hunk.blocks.push((block = { equal, del: [], add: [] }));
  if (sign !== "+") block.del.push(coloured(hunk, "old", "oldOpen", text));
  if (sign !== "-") block.add.push(coloured(hunk, "next", "newOpen", text));
}
function coloured(hunk, counter, state, text) {
  const read = tokens(text.replace(/\r$/, ""), hunk[state]);
  hunk[state] = read.open;
  return { number: hunk[counter]++, text, parts: read.parts, hits: null };
}
// Which of the lines taken away became which of the new ones: the pairing with the most words in common, in order.
function pair(block) {
  const { del, add } = block;
  if (del.length * add.length > 1600) return del.map((left, at) => [left, add[at] ?? null]).concat(add.slice(del.length).map((right) => [null, right]));
  const best = Array.from({ length: del.length + 1 }, () => new Float64Array(add.length + 1));
  for (let i = del.length - 1; i >= 0; i--)
    for (let j = add.length - 1; j >= 0; j--) best[i][j] = Math.max(best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + likeness(del[i], add[j]));
  const rows = [];
  let i = 0, j = 0;
  while (i < del.length || j < add.length) {
    const both = i < del.length && j < add.length && likeness(del[i], add[j]) > 0.3 && best[i][j] === best[i + 1][j + 1] + likeness(del[i], add[j]);
    if (both) rows.push([del[i++], add[j++]]);
    else if (j >= add.length || (i < del.length && best[i + 1][j] >= best[i][j + 1])) rows.push([del[i++], null]);
    else rows.push([null, add[j++]]);
  }
  return rows;
}
function likeness(left, right) {
  const one = words(left), two = words(right);
  let common = 0;
  for (const word of one) if (two.has(word)) common++;
  return one.size + two.size ? (2 * common) / (one.size + two.size) : 0;
}
function words(line) {
  return (line.set ??= new Set(line.text.match(/\w+|[^\w\s]/gu) ?? []));
}
// The characters that differ in two lines that belong together.
function compare(left, right) {
  const one = left.text.match(/\w+|\s+|[^\w\s]/gu) ?? [], two = right.text.match(/\w+|\s+|[^\w\s]/gu) ?? [];
  if (one.length * two.length > 40000) return;
  const best = Array.from({ length: one.length + 1 }, () => new Float64Array(two.length + 1));
  for (let i = one.length - 1; i >= 0; i--) for (let j = two.length - 1; j >= 0; j--) best[i][j] = Math.max(best[i + 1][j], best[i][j + 1], one[i] === two[j] ? best[i + 1][j + 1] + worth(one[i]) : 0);
  left.hits = [];
  right.hits = [];
  let i = 0, j = 0, a = 0, b = 0;
  while (i < one.length || j < two.length) {
    if (i < one.length && j < two.length && one[i] === two[j] && best[i][j] === best[i + 1][j + 1] + worth(one[i])) (a += one[i++].length), (b += two[j++].length);
    else if (j >= two.length || (i < one.length && best[i + 1][j] >= best[i][j + 1])) left.hits.push([a, (a += one[i++].length)]);
    else right.hits.push([b, (b += two[j++].length)]);
  }
}
const worth = (token) => (/\w/.test(token) ? 1 + token.length : 0.5);
function codeCells(line) {
  const cells = [];
  let at = 0;
  for (const [kind, text] of line.parts) {
    for (const [piece, hit] of cut(text, at, line.hits ?? [])) {
      const style = [kind, hit ? "hit" : ""].filter(Boolean).join(" ");
      cells.push(style ? make("span", { class: style }, piece) : piece);
    }
    at += text.length;
  }
  return cells;
}
function cut(text, at, hits) {
  const edges = new Set([0, text.length]);
  for (const [from, to] of hits) for (const edge of [from - at, to - at]) if (edge > 0 && edge < text.length) edges.add(edge);
  const sorted = [...edges].sort((one, two) => one - two);
  return sorted.slice(1).map((to, number) => [text.slice(sorted[number], to), hits.some(([from, end]) => from <= at + sorted[number] && end >= at + to)]);
}
function diffTable(file, split, remarksAt) {
  const table = make("table", { class: `diff ${split ? "split" : "unified"}` }, make("caption", { class: "sr" }, `Changes in ${file.path}`));
  table.append(make("colgroup", {}, ...(split ? ["n", "s", "", "n", "s", ""] : ["n", "n", "s", ""]).map((name) => make("col", { class: name || null }))));
  for (const hunk of parseDiff(file)) {
    const body = make("tbody", {}, make("tr", { class: "gap" }, make("td", { colspan: split ? 6 : 4 }, `from line ${hunk.from || 1}`)));
    for (const block of hunk.blocks) addBlock(body, block, split, remarksAt);
    table.append(body);
  }
  return table;
}
function addBlock(body, block, split, remarksAt) {
  const rows = block.equal ? block.del.map((left, at) => [left, block.add[at]]) : pair(block);
  if (!block.equal) for (const [left, right] of rows) if (left && right) compare(left, right);
  if (split) for (const [left, right] of rows) body.append(splitRow(left, right, block.equal)), block.equal && remark(body, [left], 6, remarksAt);
  else if (block.equal) for (const [left, right] of rows) body.append(unifiedRow(left, right, "")), remark(body, [left], 4, remarksAt);
  else {
    for (const line of block.del) body.append(unifiedRow(line, null, "del"));
    for (const line of block.add) body.append(unifiedRow(null, line, "add"));
  }
  if (!block.equal) remark(body, block.del, split ? 6 : 4, remarksAt);
}
function remark(body, lines, width, remarksAt) {
  const notes = lines.flatMap((line) => remarksAt(line.number));
  if (notes.length) body.append(make("tr", { class: "remark" }, make("td", { colspan: width }, notes)));
}
const SIGNS = { add: "+", del: "−" };
function unifiedRow(left, right, kind) {
  const line = right ?? left;
  return make("tr", { class: kind || null }, make("td", { class: "n" }, left ? String(left.number) : ""), make("td", { class: "n" }, right ? String(right.number) : ""), make("td", { class: "s" }, SIGNS[kind] ?? ""), make("td", { class: "c" }, codeCells(line)));
}
function splitRow(left, right, equal) {
  const side = (line, kind) => {
    const style = !line ? " blank" : equal ? "" : ` ${kind}`;
    return [make("td", { class: `n${style}` }, line ? String(line.number) : ""), make("td", { class: `s${style}` }, line && !equal ? SIGNS[kind] : ""), make("td", { class: `c${style}` }, line ? codeCells(line) : "")];
  };
  return make("tr", {}, side(left, "del"), side(right, "add"));
}
