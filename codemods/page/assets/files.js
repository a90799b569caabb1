// A stage: filters, tree and files. A file is drawn when it comes near the window, and taken apart when it is far.
function stageView(app, stage) {
  app.nodes = new Map();
  app.cards = new Map();
  app.list = make("div", { id: "list" });
  app.tree = make("div", { class: "tree" });
  app.head = make("p", { role: "status" });
  const modes = ["Side by side", "Unified"].map((name, number) => make("button", { type: "button", "aria-pressed": String(app.split === !number), onclick: () => setSplit(app, !number) }, name));
  app.modes = modes;
  const view = make("div", { class: "stage" },
    make("aside", { "aria-label": "Filters and files" }, make("details", { class: "drawer", open: !narrow.matches }, make("summary", {}, "Filters and files"), make("div", { class: "side" }, filters(app, stage), make("section", { class: "card" }, make("h2", {}, "Files"), app.tree)))),
    make("section", { "aria-labelledby": "stage-title" }, make("div", { class: "head" }, make("div", {}, make("h2", { id: "stage-title" }, `${stage.name}: ${stage.title}`), app.head), make("div", { class: "segment", role: "group", "aria-label": "How differences are shown" }, modes)), app.list));
  return view;
}
function setSplit(app, split) {
  app.split = split;
  remember("split", split ? "yes" : "no");
  app.modes.forEach((button, number) => button.setAttribute("aria-pressed", String(split === !number)));
  refresh(app);
}
function filters(app, stage) {
  const every = stage.files.flatMap((file) => file.decisions);
  const select = (name, key, values) => make("label", { class: "field" }, name, make("select", { id: `filter-${key}`, onchange: (event) => { app[key] = event.target.value; refresh(app); } }, make("option", { value: "" }, "all"), values.map((value) => make("option", { value, selected: app[key] === value }, key === "rule" ? `${value} ${app.data.rules[value].title.replaceAll("`", "")}` : value))));
  const unique = (key) => [...new Set(every.map((decision) => decision[key]).filter(Boolean))].sort();
  const path = make("input", { id: "filter-path", type: "text", value: app.path, placeholder: "part of a path", spellcheck: "false", autocomplete: "off", oninput: () => { app.path = path.value; later(app); } });
  return make("fieldset", { class: "card" }, make("legend", { class: "sr" }, "Filters"), make("h2", {}, "Verdict"),
    Object.entries(VERDICTS).map(([verdict, name]) => {
      const box = make("input", { type: "checkbox", id: `filter-${verdict}`, checked: app.verdicts.has(verdict), onchange: () => { app.verdicts[box.checked ? "add" : "delete"](verdict); refresh(app); } });
      return make("label", { class: "check" }, box, make("span", { class: `badge ${verdict}` }, name), make("span", { class: "count" }, stage.counts[verdict].toLocaleString("en")));
    }),
    select("Rule", "rule", unique("code")), select("Library", "library", unique("library")), make("label", { class: "field" }, "File", path));
}
function matches(app, decision) {
  return app.verdicts.has(decision.verdict) && (!app.rule || decision.code === app.rule) && (!app.library || decision.library === app.library);
}
function isShown(app, file) {
  if (app.path && !file.path.toLowerCase().includes(app.path.toLowerCase())) return false;
  const decisions = file.decisions.filter((decision) => matches(app, decision));
  if (app.query && !(file.haystack ??= `${file.path}\n${file.diff ?? ""}`.toLowerCase()).includes(app.query) && !decisions.some((one) => wordsOf(app, one).includes(app.query))) return false;
  return decisions.length > 0 || (file.diff !== undefined && !app.rule && !app.library && app.verdicts.has("change"));
}
function wordsOf(app, one) {
  return (one.words ??= [one.symbol, one.code, app.data.rules[one.code].title, one.reason, one.subject, one.text].join("\n").toLowerCase());
}
function later(app) {
  clearTimeout(app.timer);
  app.timer = setTimeout(() => refresh(app), 90);
}
// Everything below the filters anew: which files, the tree, empty frames for the files.
function refresh(app) {
  const stage = app.data.stages[app.tab];
  if (!stage) return;
  app.nodes = new Map();
  app.matching = (file) => file.decisions.filter((decision) => matches(app, decision));
  app.shown = stage.files.filter((file) => isShown(app, file));
  app.current = app.shown[0] ?? null;
  app.cursor = null;
  app.watch?.disconnect();
  app.watch = new IntersectionObserver((entries) => entries.forEach((entry) => (entry.isIntersecting ? fill : empty)(app, entry.target)), { rootMargin: "1200px 0px" });
  app.cards = new Map(app.shown.map((file) => [file, frame(app, file)]));
  app.list.replaceChildren(...(app.shown.length ? app.cards.values() : [make("p", { class: "card empty" }, "Nothing here with these filters.")]));
  for (const card of app.cards.values()) app.watch.observe(card);
  if (app.current) fill(app, app.cards.get(app.current));
  const decisions = app.shown.reduce((all, file) => all + app.matching(file).length, 0);
  app.head.textContent = `${plural(app.shown.length, "file")}, ${plural(decisions, "decision")}`;
  app.tree.replaceChildren(treeOf(app));
  highlight(app);
}
function frame(app, file) {
  const card = make("section", { class: "card file", "aria-label": file.path });
  card.file = file;
  resize(card, `${guess(app, file)}px`);
  return card;
}
// A style sheet rule cannot know the height; the style object may set it under the page's policy.
function resize(card, height) {
  card.style.minHeight = height;
}
function guess(app, file) {
  const lines = file.diff ? file.diff.split("\n").length : 0;
  return 60 + lines * (app.split ? 17 : 21) + app.matching(file).length * 76;
}
function fill(app, card) {
  if (card.drawn) return;
  card.drawn = true;
  const { file } = card, left = new Set(app.matching(file));
  const remarksAt = (row) => [...left].filter((decision) => decision.row === row).map((decision) => (left.delete(decision), note(app, file, decision)));
  card.append(fileHead(file));
  if (file.diff !== undefined) card.append(diffTable(file, app.split && !narrow.matches && !file.created, remarksAt));
  if (left.size || file.diff === undefined) card.append(elsewhere(app, file, [...left]));
  resize(card, "0");
  highlight(app);
}
function empty(app, card) {
  if (!card.drawn || card.contains(document.activeElement)) return;
  resize(card, `${card.offsetHeight}px`);
  card.drawn = false;
  card.replaceChildren();
}
function fileHead(file) {
  const stat = file.diff === undefined ? null : make("span", { class: "stat" }, make("span", { class: "plus" }, `+${file.added}`), make("span", { class: "minus" }, `−${file.removed}`));
  return make("h3", { tabindex: "-1" }, make("span", { class: "path" }, file.path), file.created && make("span", { class: "new" }, "new"), stat);
}
function elsewhere(app, file, decisions) {
  const where = file.diff === undefined ? "This stage does not change the file." : "Elsewhere in this file";
  return make("div", { class: "elsewhere" }, make("p", {}, where), decisions.map((decision) => {
    const node = note(app, file, decision);
    if (decision.text) node.append(make("span", { class: "text" }, decision.text));
    return node;
  }));
}
function treeOf(app) {
  const root = { folders: new Map(), files: [] };
  for (const file of app.shown) {
    let at = root;
    for (const part of file.path.split("/").slice(0, -1)) at = at.folders.get(part) ?? at.folders.set(part, { folders: new Map(), files: [] }).get(part);
    at.files.push(file);
  }
  app.leaves = new Map();
  return branch(app, root, app.shown.length <= 150);
}
function branch(app, node, open) {
  const folders = [...node.folders].map(([name, folder]) => {
    while (folder.folders.size === 1 && !folder.files.length) {
      const [[inner, only]] = folder.folders;
      name += `/${inner}`;
      folder = only;
    }
    return folderItem(app, name, folder, open);
  });
  const files = node.files.map((file) => {
    const button = make("button", { type: "button", onclick: () => app.visit(file) }, make("span", { class: "label" }, file.path.split("/").at(-1)), file.diff === undefined ? null : make("span", { class: "stat" }, make("span", { class: "plus" }, `+${file.added}`), make("span", { class: "minus" }, `−${file.removed}`)));
    app.leaves.set(file, button);
    return make("li", {}, button);
  });
  return make("ul", {}, folders, files);
}
function folderItem(app, name, folder, open) {
  const item = make("li", {});
  const button = make("button", { type: "button", "aria-expanded": "false", onclick: () => toggle() }, make("span", { class: "twist", "aria-hidden": "true" }, "›"), make("span", { class: "label" }, name), make("span", { class: "count" }, String(size(folder))));
  const toggle = () => {
    const opened = button.getAttribute("aria-expanded") === "false";
    button.setAttribute("aria-expanded", String(opened));
    if (opened) item.append(branch(app, folder, open));
    else item.lastChild.remove();
  };
  item.append(button);
  if (open) toggle();
  return item;
}
const size = (folder) => folder.files.length + [...folder.folders.values()].reduce((all, one) => all + size(one), 0);
// The words that were searched for, also across colours, where the browser has highlights.
function highlight(app) {
  if (!window.CSS?.highlights) return;
  CSS.highlights.delete("found");
  if (!app.query) return;
  const ranges = [];
  for (const cell of app.list.querySelectorAll(".c, .why, .path, .text, code")) rangesIn(cell, app.query, ranges);
  CSS.highlights.set("found", new Highlight(...ranges));
}
function rangesIn(cell, query, ranges) {
  const text = cell.textContent.toLowerCase();
  for (let at = text.indexOf(query); at >= 0 && ranges.length < 5000; at = text.indexOf(query, at + query.length)) {
    const range = new Range();
    range.setStart(...spot(cell, at));
    range.setEnd(...spot(cell, at + query.length));
    ranges.push(range);
  }
}
function spot(cell, at) {
  const walk = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  let node = walk.nextNode();
  while (node && at > node.length) (at -= node.length), (node = walk.nextNode());
  return [node ?? cell, node ? at : 0];
}
