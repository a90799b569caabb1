// A long table of which only the rows near the window exist. Every row has the same height.
const ROW = 38, AROUND = 12;
function longTable(place, columns, onOpen) {
  const state = { rows: [], sort: null, down: false };
  const body = make("tbody"), above = spacer(columns.length), below = spacer(columns.length);
  const heads = columns.map((column) => make("th", { scope: "col", class: column.style ?? (column.number ? "num" : null) }, make("button", { type: "button", onclick: () => sortBy(column) }, column.title)));
  place.tabIndex = 0;
  place.setAttribute("role", "region");
  place.setAttribute("aria-label", "The table of repositories");
  place.append(make("table", {}, make("thead", {}, make("tr", {}, heads)), above.body, body, below.body));
  place.addEventListener("scroll", () => requestAnimationFrame(fill));
  function sortBy(column) {
    state.down = state.sort === column ? !state.down : Boolean(column.number);
    state.sort = column;
    columns.forEach((one, number) => one === column ? heads[number].setAttribute("aria-sort", state.down ? "descending" : "ascending") : heads[number].removeAttribute("aria-sort"));
    show(state.rows);
  }
  function show(rows) {
    const { sort, down } = state, side = down ? -1 : 1;
    const order = (one, two) => { const [a, b] = [sort.value(one), sort.value(two)]; return a < b ? -side : a > b ? side : one.position - two.position; };
    state.rows = sort ? [...rows].sort(order) : [...rows].sort((one, two) => one.position - two.position);
    state.from = state.to = -1;
    place.scrollTop = 0;
    fill();
  }
  function fill() {
    const first = Math.max(0, Math.floor(place.scrollTop / ROW) - AROUND), last = Math.min(state.rows.length, Math.ceil((place.scrollTop + place.clientHeight) / ROW) + AROUND);
    if (first === state.from && last === state.to) return;
    Object.assign(state, { from: first, to: last });
    above.set(first);
    below.set(state.rows.length - last);
    body.replaceChildren(...state.rows.slice(first, last).map((row) => make("tr", {}, columns.map((column) => make("td", { class: column.style ?? (column.number ? "num" : null) }, column.show ? column.show(row, onOpen) : shown(column.value(row)))))));
  }
  return { show, state };
}
const shown = (value) => (typeof value === "number" ? value.toLocaleString("en") : value);
function spacer(width) {
  const cell = make("td", { colspan: width }), body = make("tbody", { class: "space", "aria-hidden": "true" });
  return { body, set: (rows) => { if (!rows) return body.replaceChildren(); cell.style.height = `${rows * ROW}px`; body.replaceChildren(make("tr", {}, cell)); } };
}
