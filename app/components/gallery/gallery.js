// A read-only grid of thumbnails; a click or Enter opens one. Names are set as text only.

function part(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function cell(item, open) {
  const button = part("button");
  button.type = "button";
  button.title = item.name;
  button.dataset.sample = item.id;
  if (item.src) {
    const image = part("img", item.tiny ? "tiny" : "");
    image.src = item.src;
    image.alt = `${item.name}, ${item.label}`;
    image.loading = "lazy";
    button.append(image);
  } else button.append(part("span", "none", "unreadable"));
  const text = part("span", "text");
  const label = part("b", "", item.label);
  if (item.was) label.prepend(part("s", "", item.was), " ");
  text.append(label, part("span", "", item.note));
  button.append(text);
  button.addEventListener("click", () => open(item.id));
  const row = part("li");
  row.append(button);
  return row;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const open = (id) => setTriggerValue("open", id);
  parentElement.querySelector(".grid").replaceChildren(...data.items.map((item) => cell(item, open)));
}
