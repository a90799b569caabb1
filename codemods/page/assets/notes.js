// What was decided at a place: a box to take its group, the rule, the reason, and what belongs together.
const VERDICTS = { change: "changed", leave: "left", refuse: "refused" };
function note(app, file, decision) {
  const group = decision.key ? app.groups.get(decision.key) : null;
  const node = make("article", { class: `note ${decision.verdict}${group && !group.taken ? " off" : ""}`, tabindex: "-1", "aria-label": `${VERDICTS[decision.verdict]} ${decision.code}, line ${decision.row}` });
  node.append(
    make("div", { class: "line1" }, group && takeBox(app, decision), make("span", { class: `badge ${decision.verdict}` }, VERDICTS[decision.verdict]), decision.unsafe && make("span", { class: "badge unsafe" }, "unsafe"),
      make("button", { type: "button", class: "link mono", onclick: () => showRule(app, decision.code), "aria-label": `Rule ${decision.code}: ${app.data.rules[decision.code].title}` }, decision.code),
      make("code", { class: "symbol" }, decision.symbol || "(module)"), make("span", { class: "soft" }, `line ${decision.row} · `, ...prose(app.data.rules[decision.code].title))),
    make("p", { class: "why" }, ...(about(decision) ? [make("code", {}, decision.subject), ": "] : []), ...prose(decision.reason)),
  );
  if (group && group.members.length > 1) node.append(company(app, group, decision));
  app.nodes.set(decision, node);
  return node;
}
// The subject, unless the symbol or the reason says it already.
const about = (decision) => decision.subject && decision.subject !== decision.symbol && !decision.reason.startsWith(decision.subject);
function takeBox(app, decision) {
  const box = make("input", { type: "checkbox", "data-group": decision.key, checked: app.groups.get(decision.key).taken, onchange: () => choose(app, [decision.key], box.checked) });
  return make("label", { class: "take" }, box, "Take", make("span", { class: "sr" }, ` group ${app.groups.get(decision.key).name}`));
}
function company(app, group, decision) {
  const others = group.members.filter((member) => member.decision !== decision);
  const files = new Set(others.map((member) => member.file.path)).size;
  const details = make("details", {}, make("summary", {}, `together with ${plural(others.length, "other change")} in ${plural(files, "file")}`));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(make("ul", {}, others.map((member) => make("li", {}, make("button", { type: "button", class: "link mono", onclick: () => app.visit(member.file, member.decision) }, `${member.file.path}:${member.decision.row}`), ` ${member.decision.symbol}`))));
  });
  return details;
}
function showRule(app, code) {
  const rule = app.data.rules[code];
  const parts = [["What it says", rule.what], ["Why", rule.why], ["Caveats", rule.caveats], ["What you can do", rule.remedy], ["Safety", rule.safety]].filter(([, text]) => text);
  openDialog(`${code}: ${rule.title}`, [...parts.flatMap(([title, text]) => [make("h3", {}, title), make("p", {}, prose(text))]), make("h3", {}, "How to suppress it"), make("ul", {}, rule.suppress.map((text) => make("li", {}, prose(text))))]);
}
function openDialog(title, content) {
  const dialog = byId("dialog");
  dialog.replaceChildren(make("h2", { id: "dialog-title" }, prose(title)), make("button", { type: "button", class: "icon close", "aria-label": "Close", onclick: () => dialog.close() }, "×"), ...content);
  dialog.showModal();
}
