// Tabs, keyboard, theme; the start.
const narrow = matchMedia("(max-width: 900px)");
const KEYS = [["/", "search"], ["0 – 9", "overview, and the stages"], ["j  k", "next and previous file"], ["n  p", "next and previous decision"], ["x", "take or leave the group of the decision"], ["i", "explain the rule of the decision"], ["u", "side by side or unified"], ["d", "dark or light"], ["e", "export the choices"], ["?", "this help"], ["Esc", "close, or clear the search"]];
const app = { data: JSON.parse(byId("data").textContent), tab: "overview", split: remember("split") !== "no", keys: remember("keys") !== "no", verdicts: new Set(["change", "refuse"]), rule: "", library: "", path: "", query: "", shown: [], nodes: new Map(), cards: new Map(), cursor: null, current: null };
app.groups = collectGroups(app.data);
app.visit = (file, decision) => visit(file, decision);

function openTab(tab) {
  app.tab = tab;
  const stage = app.data.stages[tab];
  for (const button of byId("tabs").children) {
    const selected = button.dataset.tab === String(tab);
    button.setAttribute("aria-selected", String(selected));
    button.tabIndex = selected ? 0 : -1;
  }
  app.watch?.disconnect();
  if (stage && !stage.files.some((file) => file.decisions.some((decision) => decision.code === app.rule))) app.rule = "";
  if (stage && !stage.files.some((file) => file.decisions.some((decision) => decision.library === app.library))) app.library = "";
  byId("panel").setAttribute("aria-labelledby", `tab-${tab}`);
  byId("panel").replaceChildren(stage ? stageView(app, stage) : overview(app));
  byId("patch").disabled = !stage || !stage.files.some((file) => file.diff !== undefined);
  byId("all").textContent = stage ? "Take all shown" : "Take all";
  byId("none").textContent = stage ? "Take none shown" : "Take none";
  refresh(app);
  scrollTo(0, 0);
}
function visit(file, decision) {
  if (!app.shown.includes(file) || (decision && !matches(app, decision))) clearFilters(decision);
  const card = app.cards.get(file);
  if (!card) return;
  fill(app, card);
  setCurrent(file);
  const target = decision ? app.nodes.get(decision) : card.querySelector("h3");
  app.cursor = decision ?? null;
  (decision ? target : card).scrollIntoView({ block: decision ? "center" : "start" });
  target.focus({ preventScroll: true });
}
function clearFilters(decision) {
  Object.assign(app, { rule: "", library: "", path: "", query: "" });
  byId("search").value = "";
  if (decision) app.verdicts.add(decision.verdict);
  openTab(app.tab);
}
function setCurrent(file) {
  app.cards.get(app.current)?.classList.remove("here");
  app.leaves.get(app.current)?.removeAttribute("aria-current");
  app.current = file;
  app.cards.get(file)?.classList.add("here");
  app.leaves.get(file)?.setAttribute("aria-current", "true");
}
function step(by) {
  const at = app.here ? app.shown.indexOf(app.current) + by : 0;
  app.here = true;
  const file = app.shown[Math.min(Math.max(at, 0), app.shown.length - 1)];
  if (file) visit(file);
}
function stepDecision(by) {
  const all = app.shown.flatMap((file) => app.matching(file).map((decision) => [file, decision]));
  const at = app.cursor ? all.findIndex(([, decision]) => decision === app.cursor) + by : 0;
  const found = all[Math.min(Math.max(at, 0), all.length - 1)];
  app.here = true;
  if (found) visit(...found);
}
function toggleGroup() {
  const key = app.cursor?.key;
  if (!key) return say("This decision changes nothing.");
  choose(app, [key], !app.groups.get(key).taken);
  say(`${app.groups.get(key).taken ? "Taken" : "Not taken"}: ${app.groups.get(key).name}`);
}
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  remember("theme", theme);
}
function turnTheme() {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  setTheme(dark ? "light" : "dark");
}
function showHelp() {
  const box = make("input", { type: "checkbox", id: "keys-on", checked: app.keys, onchange: () => { app.keys = box.checked; remember("keys", app.keys ? "yes" : "no"); } });
  openDialog("Keyboard and help", [make("p", {}, "Each tab shows what one stage does to what the stage before wrote. Take or leave the groups, export your choices, and carry out exactly these:"), make("p", {}, make("code", {}, "flask-to-async migrate --accept choices.json --write")), make("dl", { class: "keys" }, KEYS.map(([keys, text]) => [make("dt", {}, keys.split("  ").map((key, number) => [number ? " " : "", make("kbd", {}, key)]).flat()), make("dd", {}, text)]).flat()), make("label", { class: "check" }, box, "Single keys are shortcuts")]);
}
const ACTIONS = { "/": () => byId("search").focus(), j: () => step(1), k: () => step(-1), n: () => stepDecision(1), p: () => stepDecision(-1), x: toggleGroup, i: () => app.cursor && showRule(app, app.cursor.code), u: () => app.modes && setSplit(app, !app.split), d: turnTheme, e: () => exportChoices(app), "?": showHelp };
function onKey(event) {
  if (event.key === "Escape" && event.target === byId("search")) return search("");
  const typing = event.target.matches("input:not([type=checkbox]), select, textarea");
  if (typing || !app.keys || event.ctrlKey || event.metaKey || event.altKey || byId("dialog").open) return;
  const number = /^\d$/.test(event.key) ? Number(event.key) : -1;
  const action = ACTIONS[event.key] ?? (number >= 0 && number <= app.data.stages.length ? () => openTab(number ? number - 1 : "overview") : null);
  if (!action) return;
  event.preventDefault();
  action();
}
function search(text) {
  byId("search").value = text;
  app.query = text.trim().toLowerCase();
  if (app.tab === "overview" && app.query) {
    const first = app.data.stages.findIndex((stage) => stage.files.some((file) => isShown(app, file)));
    openTab(first < 0 ? 0 : first);
  } else refresh(app);
}
function tabs() {
  const names = [["overview", "Overview", null], ...app.data.stages.map((stage, number) => [number, `${number + 1}. ${stage.name}`, stage.counts.change])];
  byId("tabs").append(...names.map(([tab, name, count]) => make("button", { type: "button", role: "tab", id: `tab-${tab}`, "data-tab": String(tab), "aria-controls": "panel", onclick: () => openTab(tab) }, name, count === null ? null : make("span", { class: "count", title: "changes" }, count.toLocaleString("en")))));
  byId("tabs").addEventListener("keydown", (event) => {
    const all = [...byId("tabs").children], at = all.indexOf(document.activeElement), to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return;
    const next = all[(to + all.length) % all.length];
    next.click();
    next.focus();
  });
}
function start() {
  const { data } = app;
  if (remember("theme")) document.documentElement.dataset.theme = remember("theme");
  byId("project").textContent = data.project.name;
  byId("subtitle").textContent = `Flask to async, ${data.written ? "written to disk" : "a dry run: nothing is written yet"} · ${data.tool.name} ${data.tool.version}`;
  byId("theme").addEventListener("click", turnTheme);
  byId("help").addEventListener("click", showHelp);
  byId("all").addEventListener("click", () => choose(app, shownGroups(app), true));
  byId("none").addEventListener("click", () => choose(app, shownGroups(app), false));
  byId("patch").addEventListener("click", () => savePatch(app));
  byId("export").addEventListener("click", () => exportChoices(app));
  byId("search").addEventListener("input", () => { clearTimeout(app.typed); app.typed = setTimeout(() => search(byId("search").value), 120); });
  narrow.addEventListener("change", () => { const drawer = document.querySelector(".drawer"); if (drawer) drawer.open = !narrow.matches; refresh(app); });
  document.addEventListener("keydown", onKey);
  document.addEventListener("focusin", (event) => { const found = event.target.closest?.(".note"); if (found) for (const [decision, node] of app.nodes) if (node === found) app.cursor = decision; });
  restoreChoices(app);
  tabs();
  openTab("overview");
  showChosen(app);
  document.documentElement.dataset.ready = "yes";
}
start();
