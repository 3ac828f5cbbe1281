// WebVTT <-> captions. What the editor does not know (notes, styles, regions, settings, identifiers, tags) comes out as it
// went in. Of a file that it cannot read, it says the line.
import { type Captions, type Cue, newCue } from "./cue.ts";
import { timestamp } from "./times.ts";

const TIME = String.raw`(?:(\d{2,4}):)?([0-5]\d):([0-5]\d)\.(\d{3})`;
const TIMING = new RegExp(String.raw`^\s*${TIME}\s*-->\s*${TIME}(?:\s+(\S.*))?$`);
const OTHER = /^(?:NOTE(?:\s|$)|STYLE\s*$|REGION\s*$)/;

export class Unreadable extends Error {
  constructor(readonly line: number) {
    super(`line ${line}`);
  }
}

interface Block {
  line: number;
  lines: string[];
}

// Throws Unreadable with the number of the first line that is not WebVTT.
export function parse(text: string): Captions {
  const [head, ...blocks] = blocksOf(text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/));
  if (!head || head.line !== 1 || !/^WEBVTT(?:[ \t]|$)/.test(head.lines[0]!)) throw new Unreadable(1);
  const arrow = head.lines.findIndex((line) => line.includes("-->"));
  if (arrow >= 0) throw new Unreadable(arrow + 1);
  const cues: Cue[] = [];
  let others: string[] = [];
  for (const block of blocks) {
    if (OTHER.test(block.lines[0]!)) {
      others.push(block.lines.join("\n"));
      continue;
    }
    cues.push(cueOf(block, others));
    others = [];
  }
  return { header: head.lines.join("\n"), cues, after: others };
}

export function serialise({ header, cues, after }: Captions): string {
  const blocks = [header];
  for (const cue of cues) blocks.push(...cue.before, written(cue));
  return [...blocks, ...after].join("\n\n") + "\n";
}

function blocksOf(lines: string[]): Block[] {
  const blocks: Block[] = [];
  let open: Block | null = null;
  for (const [at, line] of lines.entries()) {
    if (!line.trim()) open = null;
    else if (open) open.lines.push(line);
    else blocks.push((open = { line: at + 1, lines: [line] }));
  }
  return blocks;
}

function cueOf({ line, lines }: Block, before: string[]): Cue {
  const at = lines.length > 1 && !lines[0]!.includes("-->") && lines[1]!.includes("-->") ? 1 : 0;
  const found = TIMING.exec(lines[at]!);
  if (!found) throw new Unreadable(line + at);
  const arrow = lines.findIndex((text, number) => number > at && text.includes("-->"));
  if (arrow >= 0) throw new Unreadable(line + arrow);
  return newCue({
    id: at ? lines[0]!.trim() : "",
    startMs: milliseconds(found.slice(1, 5)),
    endMs: milliseconds(found.slice(5, 9)),
    settings: (found[9] ?? "").trim(),
    text: lines.slice(at + 1).join("\n"),
    before,
  });
}

function milliseconds([hours, minutes, seconds, fraction]: (string | undefined)[]): number {
  return ((Number(hours ?? 0) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + Number(fraction);
}

// An empty line would end the caption.
function written({ id, startMs, endMs, settings, text }: Cue): string {
  const times = `${timestamp(startMs)} --> ${timestamp(endMs)} ${settings}`.trimEnd();
  const lines = text.split("\n").filter((line) => line.trim());
  return [...(id ? [id] : []), times, ...lines].join("\n");
}
