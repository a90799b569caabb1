// Groups of decisions: what is taken, and the file that `migrate --accept` reads.
function collectGroups(data) {
  const groups = new Map();
  data.stages.forEach((stage, number) => {
    for (const file of stage.files)
      for (const decision of file.decisions) {
        if (!decision.group) continue;
        const key = `${number}\n${decision.group}`;
        if (!groups.has(key)) groups.set(key, { stage: number, name: decision.group, members: [], taken: true });
        decision.key = key;
        groups.get(key).members.push({ file, decision });
      }
  });
  return groups;
}
function restoreChoices(app) {
  let left = [];
  try {
    left = JSON.parse(remember(`left:${app.data.id}`) ?? "[]");
  } catch {
    left = [];
  }
  for (const key of left) if (app.groups.has(key)) app.groups.get(key).taken = false;
}
function choose(app, keys, taken) {
  for (const key of keys) app.groups.get(key).taken = taken;
  remember(`left:${app.data.id}`, JSON.stringify([...app.groups].filter(([, group]) => !group.taken).map(([key]) => key)));
  for (const box of document.querySelectorAll("input[data-group]")) showTaken(app, box);
  showChosen(app);
}
function showTaken(app, box) {
  box.checked = app.groups.get(box.dataset.group).taken;
  box.closest(".note").classList.toggle("off", !box.checked);
}
function showChosen(app) {
  const taken = [...app.groups.values()].filter((group) => group.taken).length;
  byId("chosen").replaceChildren(make("b", {}, `${taken.toLocaleString("en")} of ${plural(app.groups.size, "group")}`), " taken. A group is carried out as a whole or not at all.");
}
function choicesText(app) {
  const accepted = {};
  app.data.stages.forEach((stage, number) => {
    accepted[stage.name] = [...app.groups.values()].filter((group) => group.stage === number && group.taken).map((group) => group.name).sort();
  });
  return JSON.stringify({ format: "flask-to-async choices", version: 1, accepted }, null, 2) + "\n";
}
function exportChoices(app) {
  save("choices.json", "application/json", [choicesText(app)]);
  say("choices.json is saved. Use it with: flask-to-async migrate --accept choices.json");
}
function savePatch(app) {
  const stage = app.data.stages[app.tab] ?? null;
  if (!stage) return;
  const parts = stage.files.filter((file) => file.diff !== undefined).map((file) => (file.bytes ? Uint8Array.from(atob(file.bytes), (sign) => sign.charCodeAt(0)) : file.diff));
  save(`${stage.name}.patch`, "text/x-diff", parts);
  say(`${stage.name}.patch is saved. Apply it with: git apply ${stage.name}.patch`);
}
// The groups that the filters leave visible, or of the whole stage, or of all stages on the overview.
function shownGroups(app) {
  if (app.tab === "overview") return [...app.groups.keys()];
  return [...new Set(app.shown.flatMap((file) => app.matching(file).map((decision) => decision.key).filter(Boolean)))];
}
