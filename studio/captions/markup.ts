// The text of a caption as WebVTT has it <-> as a person reads and types it: "Q&amp;A" is "Q&A". Tags stay visible.
const TAG = /<\/?(?:c|i|b|u|v|lang|ruby|rt)(?:[.\s][^<>]*)?>|<\d[\d:.]*>/g;
const ENTITY = /&(?:amp|lt|gt|nbsp|lrm|rlm|quot|#\d{1,7}|#x[0-9a-f]{1,6});/gi;
const CHARACTERS: Record<string, string> = { amp: "&", lt: "<", gt: ">", nbsp: "\u00a0", quot: '"', lrm: "", rlm: "" };

// For a field. What would become a tag or an escape by being shown plainly stays as it is.
export function shown(text: string): string {
  return between(text, (piece) => {
    const plain = piece.replace(/&(amp|lt|gt);/g, (_, name: string) => CHARACTERS[name]!);
    return stored(plain) === piece ? plain : piece;
  });
}

// What somebody typed, as WebVTT.
export function stored(typed: string): string {
  return between(typed, (piece) => {
    let [text, at] = ["", 0];
    for (const { 0: entity, index } of piece.matchAll(ENTITY)) {
      text += escaped(piece.slice(at, index)) + entity;
      at = index + entity.length;
    }
    return text + escaped(piece.slice(at));
  });
}

// What viewers read: without tags and escapes, in one line.
export function plain(text: string): string {
  return text
    .replace(TAG, "")
    .replace(ENTITY, (entity) => CHARACTERS[entity.slice(1, -1).toLowerCase()] ?? "\u25a1")
    .replace(/\s+/g, " ")
    .trim();
}

// The lines that viewers read.
export function plainLines(text: string): string[] {
  return text.split("\n").map(plain).filter(Boolean);
}

// Cuts a typed text in two; what is spoken or slanted before the cut still is after it.
export function cut(typed: string, at: number): [string, string] {
  const open: string[] = [];
  for (const [tag] of typed.slice(0, at).matchAll(TAG)) {
    if (tag.startsWith("</")) open.pop();
    else if (!/^<\d/.test(tag)) open.push(tag);
  }
  const closing = open.toReversed().map((tag) => `</${/^<(\w+)/.exec(tag)![1]}>`);
  return [
    typed.slice(0, at).trim() + closing.filter((tag) => tag !== "</v>").join(""),
    open.join("") + typed.slice(at).trim(),
  ];
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function between(text: string, change: (piece: string) => string): string {
  let [result, at] = ["", 0];
  for (const { 0: tag, index } of text.matchAll(TAG)) {
    result += change(text.slice(at, index)) + tag;
    at = index + tag.length;
  }
  return result + change(text.slice(at));
}
