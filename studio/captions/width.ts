// How wide a text is, in cells: what a letter of the Latin script takes. As subtitles/cues/layout.py counts them.
const WIDE = new RegExp(
  "[\\u1100-\\u115f\\u2329\\u232a\\u2e80-\\u303e\\u3041-\\u3247\\u3250-\\u33ff" +
    "\\u3400-\\u4dbf\\u4e00-\\ua4cf\\ua960-\\ua97c\\uac00-\\ud7a3" +
    "\\uf900-\\ufaff\\ufe10-\\ufe19\\ufe30-\\ufe6b\\uff01-\\uff60\\uffe0-\\uffe6\\u{16fe0}-\\u{18d08}" +
    "\\u{1aff0}-\\u{1b2ff}\\u{1f200}-\\u{1f265}\\u{20000}-\\u{3fffd}]|\\p{Emoji_Presentation}",
  "u",
);
const NONE = /[\p{Mn}\p{Me}\p{Cf}\p{Cc}\u1160-\u11ff\u{1f3fb}-\u{1f3ff}]/u;
const REGIONAL = /[\u{1f1e6}-\u{1f1ff}]/u; // letters of flags
const JOINER = "\u200d";

export function cells(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let [columns, joined] = [0, false];
  for (const character of text) {
    if (!joined) columns += columnsOf(character);
    joined = character === JOINER; // one picture of several
  }
  return columns;
}

function columnsOf(character: string): number {
  if (NONE.test(character)) return 0;
  return WIDE.test(character) && !REGIONAL.test(character) ? 2 : 1;
}
