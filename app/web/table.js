// A table of cases: real links in real rows. A click anywhere in a row, or Enter on its link, opens the case in
// this session; with Ctrl, Shift or the middle button the browser opens the link as it does any other.
// Text from the database only ever becomes text nodes.

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const focused = parentElement.activeElement?.closest("tr")?.dataset.caseId;
  const open = (caseId) => setTriggerValue("opened", caseId);

  const head = element("tr", {}, ...data.columns.map((column) =>
    element("th", { scope: "col", className: column.align ?? "", textContent: column.label })));
  const rows = data.rows.map((row) => {
    const cells = data.columns.map((column, index) => {
      const cell = row.cells[index];
      const td = element("td", { className: [column.align, cell.tone].filter(Boolean).join(" ") });
      if (cell.hint) td.title = cell.hint;
      if (index > 0) td.append(cell.text);
      else td.append(element("a", { href: `${data.path}?case_id=${encodeURIComponent(row.case_id)}`, textContent: cell.text }));
      return td;
    });
    const tr = element("tr", { className: row.selected ? "selected" : "" }, ...cells);
    if (row.selected) tr.setAttribute("aria-current", "true");
    tr.dataset.caseId = row.case_id;
    tr.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      if (!window.getSelection()?.toString()) open(row.case_id);
    });
    return tr;
  });

  const body = element("tbody", {}, ...rows);
  body.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const index = rows.indexOf(event.target.closest("tr"));
    const next = step && rows[index + step];
    if (!next) return;
    event.preventDefault();
    next.querySelector("a").focus();
  });

  const table = element("table", {}, element("caption", { textContent: data.caption }), element("thead", {}, head), body);
  // A region that scrolls sideways has to be reachable by keyboard.
  const frame = element("div", { className: "frame", tabIndex: 0, role: "region", ariaLabel: data.caption }, table);
  parentElement.querySelector(".frame")?.remove();
  parentElement.append(frame);
  if (focused) rows.find((row) => row.dataset.caseId === focused)?.querySelector("a").focus();
}
