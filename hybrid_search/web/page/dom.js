// Elements from names and text. Text only ever becomes text: nothing here takes HTML.

export const $ = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null && child !== false));
  return element;
}

export const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

export const plain = (value) =>
  Array.isArray(value) ? value.map(plain).join(", ")
    : value && typeof value === "object" ? Object.values(value).map(plain).join(", ")
    : typeof value === "number" ? String(Math.round(value * 1e5) / 1e5)
    : String(value);
