// The first tab: what the run did, in numbers and plots.
const KINDS = [
  { kind: "await", name: "awaited, asynchronous client" },
  { kind: "thread", name: "in a worker thread" },
  { kind: "own", name: "on the request's own thread, awaited" },
  { kind: "left", name: "left as it is" },
  { kind: "refused", name: "refused" },
];
const KIND_OF = { C200: "await", E300: "thread", E301: "thread", E302: "own", E303: "left", E306: "left", E304: "refused", E305: "refused", E307: "refused", E308: "refused" };
function overview(app) {
  const { data } = app, calls = callsByLibrary(data);
  return make("div", {}, make("h2", { class: "sr" }, "Overview"), tiles(app), make("div", { class: "plots" }, handlersPlot(data), callsPlot(calls), turnPlot(data, calls)), facts(data), rulesTable(app), settingsPanel(data));
}
function tiles(app) {
  const { summary } = app.data, hands = summary.handlers;
  const tile = (value, text, style = "") => make("div", { class: `card tile ${style}` }, make("b", {}, value), make("span", {}, text));
  return make("div", { class: "tiles" }, tile(hands.become_async.toLocaleString("en"), app.data.written ? "handlers became async" : "handlers would become async", "good"), tile(summary.change.toLocaleString("en"), `changes in ${plural(app.groups.size, "group")}`), tile(summary.refuse.toLocaleString("en"), "refused, worth a look", "warn"), tile(summary.leave.toLocaleString("en"), "left, nothing to do"),
    tile(summary.files.toLocaleString("en"), `files, ${summary.lines_added.toLocaleString("en")} lines added, ${summary.lines_removed.toLocaleString("en")} removed`));
}
function handlersPlot(data) {
  const hands = data.summary.handlers;
  const parts = [["change", data.written ? "became async" : "become async", hands.become_async], ["thread", "async before", hands.async_before], ["leave", "left", hands.left], ["refuse", "refused", hands.refused]].map(([kind, name, value]) => ({ kind, name, value }));
  const total = parts.reduce((all, part) => all + part.value, 0);
  const drawing = total ? donut(parts, total, "handlers") : make("p", { class: "empty" }, "The stages of this run judged no handlers.");
  return plot("Handlers by verdict", "What Flask calls: views, error handlers, hooks.", drawing, ["handlers", "number"], parts.map((part) => [part.name, part.value]));
}
function callsByLibrary(data) {
  const found = new Map();
  for (const stage of data.stages)
    for (const file of stage.files)
      for (const decision of file.decisions) {
        const kind = KIND_OF[decision.code];
        if (!kind || !decision.library) continue;
        const row = found.get(decision.library) ?? found.set(decision.library, {}).get(decision.library);
        row[kind] = (row[kind] ?? 0) + 1;
      }
  return [...found].map(([name, values]) => ({ name, values })).sort((one, two) => sum(two.values) - sum(one.values) || (one.name < two.name ? -1 : 1));
}
function callsPlot(calls) {
  const shown = calls.slice(0, 9), rest = calls.slice(9), used = KINDS.filter(({ kind }) => calls.some((row) => row.values[kind]));
  if (rest.length) shown.push({ name: `${rest.length} more`, values: rest.reduce((all, row) => { for (const [kind, value] of Object.entries(row.values)) all[kind] = (all[kind] ?? 0) + value; return all; }, {}) });
  const drawing = shown.length ? bars(shown, used) : make("p", { class: "empty" }, "No blocking call was decided on.");
  return plot("Blocking calls by library", "Asynchronous clients come from the stage clients, threads from the stage executor.", drawing, ["library", ...used.map((kind) => kind.name)], calls.map((row) => [row.name, ...used.map(({ kind }) => row.values[kind] ?? 0)]));
}
function turnPlot(data, calls) {
  const after = {}, total = calls.reduce((all, row) => all + sum(row.values), 0);
  for (const row of calls) for (const [kind, value] of Object.entries(row.values)) after[kind] = (after[kind] ?? 0) + value;
  const hands = data.summary.handlers, all = hands.become_async + hands.async_before + hands.left + hands.refused;
  const drawing = make("div", {}, make("h3", {}, "Blocking calls"), total ? bars([{ name: "before", values: { leave: total } }, { name: "after", values: { await: after.await ?? 0, thread: after.thread ?? 0, own: after.own ?? 0, leave: (after.left ?? 0) + (after.refused ?? 0) } }], [...KINDS.slice(0, 3), { kind: "leave", name: "blocks the code around it" }]) : make("p", { class: "soft" }, "none"),
    make("h3", {}, "Handlers"), all ? bars([{ name: "before", values: { change: hands.async_before, leave: all - hands.async_before } }, { name: "after", values: { change: hands.async_before + hands.become_async, leave: all - hands.async_before - hands.become_async } }], [{ kind: "change", name: "async" }, { kind: "leave", name: "synchronous" }]) : make("p", { class: "soft" }, "none were judged"));
  return plot("Before and after", "On Flask every request keeps its thread: what is gained is that calls inside one view can run at once.", drawing, ["", "before", "after"], [["blocking calls that hold the code around them", total, (after.left ?? 0) + (after.refused ?? 0)], ["async handlers", hands.async_before, hands.async_before + hands.become_async]]);
}
function facts(data) {
  const parts = [];
  if (data.needs.length) parts.push(make("h2", {}, "The result needs"), make("p", {}, data.needs.map((need, number) => [number ? ", " : "", make("code", {}, need)]).flat(), ". Add what is missing to your requirements."));
  if (data.unreadable.length) parts.push(make("h2", {}, "Not read"), make("ul", {}, data.unreadable.map((item) => make("li", {}, make("code", {}, item.line ? `${item.path}:${item.line}` : item.path), ` ${item.reason}`))));
  return parts.length ? make("section", { class: "card panel" }, parts) : null;
}
function rulesTable(app) {
  const counts = new Map();
  for (const stage of app.data.stages) for (const file of stage.files) for (const decision of file.decisions) {
    const row = counts.get(decision.code) ?? counts.set(decision.code, { change: 0, leave: 0, refuse: 0 }).get(decision.code);
    row[decision.verdict]++;
  }
  const rows = [...counts].sort(([one], [two]) => (one < two ? -1 : 1)).map(([code, row]) => [make("span", {}, make("button", { type: "button", class: "link mono", onclick: () => showRule(app, code) }, code), " ", prose(app.data.rules[code].title)), row.change, row.leave, row.refuse]);
  return make("section", { class: "card panel" }, make("h2", {}, "Rules"), numbers(["rule", "changed", "left", "refused"], rows));
}
function settingsPanel(data) {
  const rows = Object.entries(data.settings).map(([name, value]) => [name, make("code", {}, Array.isArray(value) ? value.join(", ") || "—" : value === null ? "—" : String(value))]);
  return make("details", { class: "card panel" }, make("summary", {}, "Settings of this run"), numbers(["setting", "value"], rows));
}
