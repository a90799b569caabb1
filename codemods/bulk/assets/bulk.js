// The page of all repositories: numbers, plots, and a table that can be sorted and filtered.
const OUTCOMES = ["migrated", "unchanged", "skipped", "failed", "pending"];
const app = { data: JSON.parse(byId("data").textContent), query: "", outcomes: new Set(OUTCOMES), rule: "", shown: [] };
app.rows = app.data.repositories.map((row, position) => ({ ...row, position, text: [row.name, row.url, row.reason, row.branch, row.outcome, ...row.unread.flat()].join("\n").toLowerCase() }));

const COLUMNS = [
  { title: "Repository", style: "name", value: (row) => row.name, show: (row, open) => make("button", { type: "button", class: "link", onclick: () => open(row) }, row.name) },
  { title: "Outcome", style: "outcome", value: (row) => row.outcome, show: (row) => make("span", { class: `badge ${row.outcome}` }, row.outcome) },
  { title: "Commits", number: true, value: (row) => row.commits },
  { title: "Async", number: true, value: (row) => row.async },
  { title: "Handlers", number: true, value: (row) => row.handlers },
  { title: "Blocking before", number: true, value: (row) => row.blocking_before },
  { title: "After", number: true, value: (row) => row.blocking_after },
  { title: "Tests", value: (row) => row.tests },
  { title: "What to know", style: "why", value: (row) => row.reason || row.pull_request || (row.unread_files ? `${plural(row.unread_files, "file")} not read` : "") },
];
function numbersOf(data) {
  const { summary } = data, tile = (value, text, style = "") => make("div", { class: `card tile ${style}` }, make("b", {}, value.toLocaleString("en")), make("span", {}, text));
  return [tile(summary.repositories, "repositories"), tile(summary.migrated, "migrated", "good"), tile(summary.failed, "failed", summary.failed ? "warn" : ""), tile(summary.async, `of ${plural(summary.handlers, "handler")} async`), tile(summary.blocking_before - summary.blocking_after, `of ${plural(summary.blocking_before, "blocking call")} gone from handlers`)];
}
function plots(data) {
  const parts = OUTCOMES.map((kind) => ({ kind, name: kind, value: data.summary[kind] })).filter((part) => part.value);
  const burndown = data.burndown.slice(-12).map((row) => ({ name: row.date.slice(0, 10), values: { after: row.after, before: row.before - row.after } }));
  const kinds = [{ kind: "after", name: "left when the branches are merged" }, { kind: "before", name: "gone with them" }];
  return [
    plot("Outcomes", "What became of each repository.", parts.length ? donut(parts, data.summary.repositories, "repositories") : make("p", { class: "empty" }, "No repository."), ["outcome", "repositories"], parts.map((part) => [part.name, part.value])),
    plot("Blocking calls, pass by pass", "Calls that what Flask calls makes itself, on the code as each pass found it.", bars(burndown, kinds), ["pass", "repositories measured", "before", "after"], data.burndown.map((row) => [`${row.pass}, ${row.date}`, row.repositories, row.before, row.after])),
  ];
}
function filters() {
  const box = (outcome) => make("label", {}, make("input", { type: "checkbox", id: `filter-${outcome}`, checked: true, onchange: (event) => { event.target.checked ? app.outcomes.add(outcome) : app.outcomes.delete(outcome); refresh(); } }), outcome, make("span", { class: "count" }, app.data.summary[outcome].toLocaleString("en")));
  return OUTCOMES.filter((outcome) => app.data.summary[outcome]).map(box);
}
function refresh() {
  app.shown = app.rows.filter((row) => app.outcomes.has(row.outcome) && (!app.query || row.text.includes(app.query)));
  app.table.show(app.shown);
  byId("shown").textContent = app.shown.length === app.rows.length ? `all ${app.rows.length.toLocaleString("en")}` : `${app.shown.length.toLocaleString("en")} of ${app.rows.length.toLocaleString("en")}`;
}
function openRow(row) {
  const facts = [["address", row.url], ["outcome", row.outcome], ["reason", row.reason], ["from", row.base], ["branch", row.branch], ["commit", row.tip], ["needs", row.needs.join(", ")], ["tests", row.tests], ["taken back", row.taken_back || ""], ["pushed", row.pushed], ["pull request", row.declined ? `${row.pull_request} (closed by people)` : row.pull_request]];
  const stages = Object.entries(row.stages).map(([name, stage]) => [name, stage.groups, stage.change, stage.leave, stage.refuse, stage.files]);
  const dialog = make("dialog", { "aria-labelledby": "dialog-title" }, make("button", { type: "button", class: "icon close", onclick: () => dialog.close() }, make("span", { class: "sr" }, "Close"), "×"), make("h2", { id: "dialog-title" }, row.name), make("dl", {}, facts.filter(([, value]) => value).map(([name, value]) => [make("dt", {}, name), make("dd", {}, String(value))])), stages.length ? numbers(["stage", "groups", "changed", "left", "refused", "files"], stages) : null, row.unread.length ? [make("h3", {}, "Not read"), make("ul", {}, row.unread.map(([path, reason]) => make("li", {}, make("code", {}, path), ` ${reason}`)))] : null);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
function turnTheme() {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  remember("theme", document.documentElement.dataset.theme);
}
function onKey(event) {
  const field = byId("search"), typing = event.target.matches("input:not([type=checkbox]), select, textarea");
  if (event.key === "Escape" && event.target === field) { field.value = ""; app.query = ""; return refresh(); }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "/") { event.preventDefault(); field.focus(); } else if (event.key === "d") turnTheme();
}
function start() {
  const { data } = app;
  if (remember("theme")) document.documentElement.dataset.theme = remember("theme");
  byId("subtitle").textContent = `Flask to async, pass ${data.pass.number}${data.pass.waves > 1 ? `, wave ${data.pass.wave} of ${data.pass.waves}` : ""} · ${data.tool.name} ${data.tool.version}`;
  byId("tiles").append(...numbersOf(data));
  byId("plots").append(...plots(data));
  byId("filters").append(...filters());
  byId("refused").append(data.refused.length ? numbers(["reason", "places", "repositories"], data.refused.map((row) => [make("span", {}, make("code", {}, row.code), " ", prose(row.reason)), row.number, row.repositories])) : make("p", { class: "soft" }, "Nothing was refused."));
  byId("rules").append(numbers(["rule", "changed", "left", "refused", "repositories"], data.rules.map((row) => [make("span", {}, make("code", {}, row.code), " ", prose(row.title)), row.change, row.leave, row.refuse, row.repositories])));
  app.table = longTable(byId("table"), COLUMNS, openRow);
  byId("theme").addEventListener("click", turnTheme);
  byId("search").addEventListener("input", () => { app.query = byId("search").value.trim().toLowerCase(); refresh(); });
  document.addEventListener("keydown", onKey);
  refresh();
  document.documentElement.dataset.ready = "yes";
}
start();
