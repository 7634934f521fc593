// A table of cases: real links in real rows. A click anywhere in a row, or Enter on its link, opens the case in
// this session; with Ctrl, Shift or the middle button the browser opens the link as it does any other.
// Rows can have a box to tick: by click, with Space, and with Shift from the one that was ticked last.
// Heads of columns that sort are buttons. What can be sorted is drawn as cards where it is narrow: as its roles say
// it is a table, it stays one for who does not see it.
// Text from the database only ever becomes text nodes.

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// What the newest table was searched for; null where there is none any more.
let searched = null;
let waiting;

// To a page of the desk within this session, as the browser's own Back and Forward go. Where a run is under way, or a
// search that was just typed asks for one, after it, or its end would lead back; but nobody waits for seconds.
function go(href, patience = 100) {
  clearTimeout(waiting);
  const asked = new URLSearchParams(location.search).get("q") ?? "";
  if (patience > 0 && (!streamlit.isAtRest() || ![asked, null].includes(searched))) {
    waiting = setTimeout(go, 30, href, patience - 1);
    return;
  }
  if (new URL(href, document.baseURI).href !== location.href) History.prototype.pushState.call(history, null, "", href);
  dispatchEvent(new PopStateEvent("popstate"));
}

// Of each table: how far it is scrolled. To read it, or to set it, lays out the page, and most are not.
const scrolledOf = new WeakMap();
// Of each table: the token that its ticks go with, the cases that are ticked, the one that was ticked last.
const ticksOf = new WeakMap();

// Of each table: the label of the column that it is sorted by here, and whether downwards.
const sortOf = new WeakMap();

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  searched = data.search ?? "";
  const before = parentElement.querySelector(".frame");
  const focused = parentElement.activeElement;
  const hrefOf = (caseId) => `${data.path}?case_id=${encodeURIComponent(caseId)}`;
  const open = (caseId) => data.chooses ? setTriggerValue("chosen", caseId) : go(hrefOf(caseId));

  if (ticksOf.get(parentElement)?.token !== data.ticks)
    ticksOf.set(parentElement, { token: data.ticks, cases: new Set(), last: null });
  const ticks = ticksOf.get(parentElement);
  const boxes = new Map();
  const all = checkbox("Select all on this page");

  // No `input`: while one has the focus, Streamlit holds every key for typing, and none is a shortcut.
  function checkbox(label, disabled = false) {
    return element("button", { type: "button", role: "checkbox", ariaChecked: "false", ariaLabel: label, disabled });
  }

  function show() {
    for (const [caseId, box] of boxes) {
      box.ariaChecked = String(ticks.cases.has(caseId));
      box.closest("tr").classList.toggle("ticked", ticks.cases.has(caseId));
    }
    const count = [...boxes.keys()].filter((caseId) => ticks.cases.has(caseId)).length;
    all.ariaChecked = count === 0 ? "false" : count === boxes.size ? "true" : "mixed";
  }

  function tick(caseIds, on) {
    for (const caseId of caseIds) on ? ticks.cases.add(caseId) : ticks.cases.delete(caseId);
    show();
    const cases = [...boxes.keys()].filter((caseId) => ticks.cases.has(caseId));
    setStateValue("ticked", { token: ticks.token, cases });
  }

  function tickRow(caseId, fromLast) {
    const on = !ticks.cases.has(caseId);
    const order = [...boxes.keys()];
    const ends = [order.indexOf(caseId), fromLast ? order.indexOf(ticks.last) : -1].sort((a, b) => a - b);
    tick(ends[0] < 0 ? [caseId] : order.slice(ends[0], ends[1] + 1), on);
    ticks.last = caseId;
  }

  // The whole cell ticks its box, and none of it opens the case.
  function boxCell(tag, box, toggled) {
    const cell = element(tag, { className: "tick", role: tag === "th" ? "columnheader" : "cell" }, box);
    cell.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault()); // Shift selects no text
    cell.addEventListener("click", (event) => {
      event.stopPropagation();
      if (box.disabled) return;
      box.focus();
      toggled(event.shiftKey);
    });
    return cell;
  }

  function rowBox(row) {
    const box = checkbox(`Select ${row.case_id}`, Boolean(row.refusal));
    if (!row.refusal) boxes.set(row.case_id, box);
    const cell = boxCell("td", box, (fromLast) => tickRow(row.case_id, fromLast));
    if (row.refusal) cell.title = row.refusal;
    return cell;
  }

  const head = element("tr", { role: "row" }, ...data.columns.map(headCell));
  if (data.ticks) head.prepend(boxCell("th", all, () => tick(boxes.keys(), all.ariaChecked !== "true")));

  // A click on the head of a column with a `sort` asks the desk for that order; on that of one that `sorts` it sorts
  // what is here: up, then down, then as it was told.
  function headCell(column) {
    const cell = element("th", { scope: "col", role: "columnheader", className: column.align ?? "" });
    if (!column.sort && !column.sorts) {
      cell.textContent = column.label;
      return cell;
    }
    cell.classList.add("sorts");
    if (column.sort) cell.ariaSort = column.sort;
    const button = element("button", { type: "button", textContent: column.label });
    button.dataset.column = column.name ?? column.label;
    button.addEventListener("click", () => column.sort ? setTriggerValue("sorted", column.name) : sortHere(column.label));
    cell.dataset.label = column.label; // on paper, where nothing can be clicked
    cell.append(button);
    return cell;
  }

  function sortHere(column) {
    const { label, down } = sortOf.get(parentElement) ?? {};
    if (label === column && down) sortOf.delete(parentElement);
    else sortOf.set(parentElement, { label: column, down: label === column });
    sort();
  }

  function sort() {
    const { label, down } = sortOf.get(parentElement) ?? {};
    if (!data.columns.some((column) => column.sorts)) return;
    const by = data.columns.findIndex((column) => column.sorts && column.label === label);
    for (const cell of head.querySelectorAll(".sorts"))
      cell.ariaSort = by < 0 || cell.dataset.label !== label ? "none" : down ? "descending" : "ascending";
    const value = (row) => row.cells[by].sort ?? row.cells[by].text;
    const order = (one, other) => typeof one === "number" ? one - other : String(one).localeCompare(String(other));
    const places = data.rows.map((_, place) => place);
    if (by >= 0) places.sort((one, other) => order(value(data.rows[one]), value(data.rows[other])) * (down ? -1 : 1));
    body.append(...places.map((place) => rows[place]));
  }

  const rows = data.rows.map((row) => {
    const cells = data.columns.map((column, index) => {
      const cell = row.cells[index];
      const td = element("td", { role: "cell", className: [column.align, cell.tone].filter(Boolean).join(" "), dir: "auto" });
      if (cell.hint) td.title = cell.hint;
      if (data.cards) {
        Object.assign(td.dataset, { column: column.name, label: column.label });
        td.style.setProperty("--area", column.name.replace("sar_", ""));
      }
      if (cell.time) td.append(element("time", { dateTime: cell.time, textContent: cell.text }));
      else if (row.case_id && index === 0) {
        td.append(element("a", { href: hrefOf(row.case_id), textContent: cell.text }));
      } else td.append(cell.text);
      return td;
    });
    if (data.ticks) cells.unshift(rowBox(row));
    const tr = element("tr", { role: "row", className: row.selected ? "selected" : "" }, ...cells);
    if (!row.case_id) return tr;
    if (row.selected) tr.setAttribute("aria-current", "true");
    tr.dataset.caseId = row.case_id;
    tr.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      if (!window.getSelection()?.toString()) open(row.case_id);
    });
    return tr;
  });

  const body = element("tbody", { role: "rowgroup" }, ...rows);
  body.addEventListener("keydown", (event) => {
    const row = event.target.closest("tr");
    if (event.key === " " && boxes.has(row.dataset.caseId)) {
      event.preventDefault();
      tickRow(row.dataset.caseId, event.shiftKey);
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const next = step && rows[rows.indexOf(row) + step];
    if (!next) return;
    event.preventDefault();
    next.querySelector(event.target.matches("button") ? "button:enabled, a" : "a").focus();
  });

  const caption = element("caption", { textContent: data.caption });
  const table = element("table", { role: "table" }, caption, element("thead", { role: "rowgroup" }, head), body);
  // A region that scrolls sideways has to be reachable by keyboard.
  const frame = element("div", { className: ["frame", data.cards && "cards", data.tall && "tall"].filter(Boolean).join(" "),
    tabIndex: 0, role: "region", ariaLabel: data.caption }, table);
  const { left, above } = scrolledOf.get(parentElement) ?? {};
  frame.addEventListener("scroll", () => scrolledOf.set(parentElement, { left: frame.scrollLeft, above: frame.scrollTop }),
    { passive: true });
  before?.remove();
  parentElement.append(frame);
  if (left) frame.scrollLeft = left;
  if (above) frame.scrollTop = above;
  sort();
  show();
  const row = rows.find((one) => one.dataset.caseId && one.dataset.caseId === focused?.closest("tr")?.dataset.caseId);
  const again = row?.querySelector(focused.matches("button") ? "button:enabled, a" : "a")
    ?? (focused?.dataset.column && head.querySelector(`[data-column="${focused.dataset.column}"]`)) ?? frame;
  if (focused) again.focus({ preventScroll: true });
  return () => { searched = null; };
}
