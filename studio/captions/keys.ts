// Keys -> what they ask for. Where something else has the focus than a caption or its fields, a few keys count.
export type Command =
  | "undo" | "redo" | "save" | "find"
  | "play" | "split" | "merge" | "insert" | "remove" | "begin_here" | "end_here"
  | "next" | "previous" | "first" | "last" | "next_mark" | "previous_mark"
  | "earlier" | "later" | "write" | "leave";
export type Place = "text" | "time" | "row" | "button" | "outside";
export type Pressed = Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">;

// What the page lists: keys, and what of the texts says what they do.
export const LIST: readonly (readonly [string, Command])[] = [
  ["Alt + ↓", "next"],
  ["Alt + ↑", "previous"],
  ["Esc", "leave"],
  ["Ctrl + Enter", "play"],
  ["Alt + Enter", "split"],
  ["Alt + J", "merge"],
  ["Alt + N", "insert"],
  ["Alt + Delete", "remove"],
  ["Alt + ,", "begin_here"],
  ["Alt + .", "end_here"],
  ["↑", "later"],
  ["↓", "earlier"],
  ["Alt + Page Down", "next_mark"],
  ["Alt + Page Up", "previous_mark"],
  ["Ctrl + F", "find"],
  ["Ctrl + Z", "undo"],
  ["Ctrl + Shift + Z", "redo"],
  ["Ctrl + S", "save"],
];

const WITH_CONTROL: Record<string, Command> = { KeyZ: "undo", KeyY: "redo", KeyS: "save", KeyF: "find", Enter: "play" };
const WITH_ALT: Record<string, Command> = {
  ArrowDown: "next",
  ArrowUp: "previous",
  Enter: "split",
  KeyJ: "merge",
  KeyN: "insert",
  Delete: "remove",
  Backspace: "remove",
  Comma: "begin_here",
  Period: "end_here",
  PageDown: "next_mark",
  PageUp: "previous_mark",
};
const IN: Partial<Record<Place, Record<string, Command>>> = {
  time: { ArrowUp: "later", ArrowDown: "earlier", Escape: "leave" },
  text: { Escape: "leave" },
  button: { Escape: "leave" },
  row: { ArrowDown: "next", ArrowUp: "previous", Home: "first", End: "last", Enter: "write", Escape: "leave" },
};
const ANYWHERE: ReadonlySet<Command> = new Set(["undo", "redo", "save", "find", "next_mark", "previous_mark"]);

// By the place of a key on the board where letters are concerned: other alphabets have others there.
export function commandOf(pressed: Pressed, place: Place): Command | null {
  const { key, code, ctrlKey, metaKey, altKey, shiftKey } = pressed;
  const control = ctrlKey || metaKey;
  if (control && altKey) return null; // writes letters on some keyboards
  const command = control ? WITH_CONTROL[code] : altKey ? WITH_ALT[code] : shiftKey ? undefined : IN[place]?.[key];
  if (!command || (place === "outside" && !ANYWHERE.has(command))) return null;
  if (shiftKey) return command === "undo" ? "redo" : null;
  return command;
}

// Whether an arrow leaves a text: upwards from its first line, downwards from its last one.
export function leavesText(key: string, text: string, cursor: number): -1 | 0 | 1 {
  if (key === "ArrowUp" && !text.slice(0, cursor).includes("\n")) return -1;
  if (key === "ArrowDown" && !text.slice(cursor).includes("\n")) return 1;
  return 0;
}
