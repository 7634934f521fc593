// The picture of a case and those that it is connected with: lines below, names above. A click on a case, or Enter,
// opens it in this session. Text from the database only ever becomes text nodes.

const SVG = "http://www.w3.org/2000/svg";
const LEFT = { here: 0, hub: 35, case: 73 }; // in percent of the width, as in network.css
const RIGHT = { here: 27, hub: 63, case: 100 };

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function line(nodes, { from, to, kind }) {
  const path = document.createElementNS(SVG, "path");
  const [start, end] = [RIGHT[nodes[from].part], LEFT[nodes[to].part]];
  const [top, foot] = [nodes[from].top, nodes[to].top];
  const middle = (start + end) / 2;
  path.setAttribute("d", `M ${start} ${top} C ${middle} ${top}, ${middle} ${foot}, ${end} ${foot}`);
  path.setAttribute("class", kind);
  return path;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const lines = document.createElementNS(SVG, "svg");
  lines.setAttribute("viewBox", `0 0 100 ${data.height}`);
  lines.setAttribute("preserveAspectRatio", "none");
  lines.setAttribute("aria-hidden", "true");
  lines.append(...data.lines.map((one) => line(data.nodes, one)));

  const nodes = data.nodes.map(({ part, top, text, note }) => {
    const node = element(part === "case" ? "a" : "div", { className: `node ${part}`, title: `${text}\n${note}` },
      element("b", { dir: "auto", textContent: text }), element("span", { dir: "auto", textContent: note }));
    node.style.top = `${top}px`;
    if (part !== "case") return node;
    node.href = `case?case_id=${encodeURIComponent(text)}`;
    node.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      setTriggerValue("chosen", text);
    });
    return node;
  });

  const picture = element("div", { className: "network", role: "group", ariaLabel: data.label }, lines, ...nodes);
  picture.style.height = `${data.height}px`;
  parentElement.querySelector(".network")?.remove();
  parentElement.append(picture);
}
