// The captions as one text, for who would rather edit that: the player goes to the caption under the cursor.
const TIMES = /(?:(\d+):)?(\d{2}):(\d{2}\.\d{3})\s+-->/;

// The time of the caption that this offset of the text is in, in milliseconds; null before the first one.
export function timeAt(text: string, offset: number): number | null {
  const end = text.indexOf("\n", offset);
  for (const line of text.slice(0, end < 0 ? undefined : end).split("\n").reverse()) {
    const found = TIMES.exec(line);
    if (found) return Math.round((Number(found[1] ?? 0) * 3600 + Number(found[2]) * 60 + Number(found[3])) * 1000);
  }
  return null;
}

export function followCursor(field: HTMLTextAreaElement, seek: (ms: number) => void): void {
  let last: number | null = null;
  document.addEventListener("selectionchange", () => {
    if (document.activeElement !== field) return;
    const time = timeAt(field.value, field.selectionStart);
    if (time !== null && time !== last) seek((last = time));
  });
}

// Puts the cursor into a line; the first one is 1.
export function selectLine(field: HTMLTextAreaElement, line: number): void {
  const lines = field.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  field.focus();
  field.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
}
