// Makes elements.
import { ICONS } from "./icons.ts";

export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Partial<Omit<HTMLElementTagNameMap[Name], "style" | "dataset">> & { data?: Record<string, string> } = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const { data, ...others } = properties;
  const element = Object.assign(document.createElement(name), others);
  Object.assign(element.dataset, data);
  element.append(...children);
  return element;
}

// `act`: what it asks for, which whoever listens reads from `data-act`.
export function iconButton(act: string, name: string): HTMLButtonElement {
  const button = make("button", { type: "button", className: "icon quiet", ariaLabel: name, title: name, data: { act } });
  button.innerHTML = ICONS[act]!;
  return button;
}

export function button(act: string, name: string): HTMLButtonElement {
  return make("button", { type: "button", className: "quiet", data: { act } }, name);
}
