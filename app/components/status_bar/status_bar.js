// One bar in parts, with a legend that carries the names and the counts.

function node(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export default function ({ data, parentElement }) {
  const total = data.parts.reduce((sum, part) => sum + part.count, 0) || 1;
  const pieces = data.parts.filter((part) => part.count).map((part) => {
    const piece = node("i", part.name);
    piece.style.width = `${(100 * part.count) / total}%`;
    return piece;
  });
  const legend = data.parts.map((part) => {
    const item = node("li");
    item.append(node("i", part.name), node("b", "", part.count.toLocaleString("en")), node("span", "", part.title));
    return item;
  });
  parentElement.querySelector(".bar").replaceChildren(...pieces);
  parentElement.querySelector("ul").replaceChildren(...legend);
}
