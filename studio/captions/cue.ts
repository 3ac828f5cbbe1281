// A caption, and the text of a track as the editor holds it. Values never change: an edit makes new ones, so that whoever
// shows a caption sees by identity whether it has to be drawn again.
export interface Cue {
  readonly key: number; // who it is, over all its edits
  readonly id: string; // the identifier in the file; "" for none
  readonly startMs: number;
  readonly endMs: number;
  readonly settings: string; // such as "line:0 align:start"
  readonly text: string; // as WebVTT has it: with tags and escapes
  readonly before: readonly string[]; // blocks of the file before it that are no captions: notes, styles, regions
}

export interface Captions {
  readonly header: string;
  readonly cues: readonly Cue[];
  readonly after: readonly string[]; // blocks after the last caption
}

export const EMPTY: Captions = { header: "WEBVTT", cues: [], after: [] };

let lastKey = 0;

export function newCue(cue: Omit<Cue, "key">): Cue {
  lastKey += 1;
  return { ...cue, key: lastKey };
}

// What viewers see of a caption, and when, as one string: equal for captions that are the same to them.
export function contentOf({ id, startMs, endMs, settings, text }: Cue): string {
  return [startMs, endMs, settings, id, text].join("\n");
}

// Whether viewers would see the same.
export function areSame(one: Captions, other: Captions): boolean {
  return (
    one.cues.length === other.cues.length &&
    one.cues.every((cue, at) => cue === other.cues[at] || contentOf(cue) === contentOf(other.cues[at]!))
  );
}
