// Counts of cases that are filters, a row of buttons a group: one part of the page instead of one a count, which the
// page would draw anew at each click. What has not changed is left as it is.

const buttonsOf = new WeakMap();

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const counts = data.groups.flatMap((group) => group.counts);
  const names = JSON.stringify(data.groups.map((group) => [group.label, group.counts.map((one) => one.name)]));
  let drawn = buttonsOf.get(parentElement);
  if (drawn?.names !== names) {
    const buttons = counts.map((one) => {
      const button = element("button", { type: "button" }, element("b"), ` ${one.name}`);
      button.addEventListener("click", () => drawn.choose(one.name));
      return button;
    });
    const rest = [...buttons];
    const groups = data.groups.map((group) => {
      const own = rest.splice(0, group.counts.length);
      const label = group.label ? [element("span", { textContent: group.label })] : [];
      return element("div", { role: "group", ariaLabel: group.label || "Cases" }, ...label, ...own);
    });
    parentElement.querySelector(".counts")?.remove();
    parentElement.append(element("div", { className: "counts" }, ...groups));
    drawn = { names, buttons };
    buttonsOf.set(parentElement, drawn);
  }
  drawn.choose = (name) => setTriggerValue("chosen", name);
  counts.forEach((one, index) => {
    const button = drawn.buttons[index];
    const number = button.querySelector("b");
    if (number.textContent !== one.count) number.textContent = one.count;
    if (button.ariaPressed !== String(one.listed)) button.ariaPressed = String(one.listed);
  });
}
