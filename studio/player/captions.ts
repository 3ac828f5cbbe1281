// Draws the captions itself, above the control bar whenever that shows: the browser's own lie under it.
// A track stays `showing`, so that menus, the c key and the system's full screen player work with it as usual.
// There, and in Safari's picture in picture, the browser draws them by itself.
const BY_SYSTEM = "captions-by-system";
const OWN_DISPLAY = `
kadr-player:not([${BY_SYSTEM}]) > video::-webkit-media-text-track-container { display: none !important; }
kadr-player:not([${BY_SYSTEM}]) > video::cue { color: transparent; background: transparent; text-shadow: none; }`;

export function drawCaptions(
  video: HTMLVideoElement,
  lower: HTMLElement,
  upper: HTMLElement,
  signal: AbortSignal,
): void {
  const draw = () => {
    const showing = [...video.textTracks].filter(
      ({ kind, mode }) => mode === "showing" && (kind === "subtitles" || kind === "captions"),
    );
    const cues = showing.flatMap(({ activeCues }) => [...(activeCues ?? [])]) as VTTCue[];
    lower.replaceChildren(...cues.filter((cue) => !isAtTop(cue)).map(line));
    upper.replaceChildren(...cues.filter(isAtTop).map(line));
  };
  const listened = new WeakSet<TextTrack>();
  const listen = () => {
    for (const track of video.textTracks) {
      if (listened.has(track)) continue;
      listened.add(track);
      track.addEventListener("cuechange", draw, { signal });
    }
    draw();
  };
  for (const event of ["addtrack", "removetrack", "change"]) video.textTracks.addEventListener(event, listen, { signal });
  listen();
  hideOwnDisplay(video.getRootNode());
  const bySystem = (is: boolean) => () => video.parentElement?.toggleAttribute(BY_SYSTEM, is);
  video.addEventListener("webkitbeginfullscreen", bySystem(true), { signal });
  video.addEventListener("webkitendfullscreen", bySystem(false), { signal });
  const presented = () => {
    const { webkitPresentationMode: mode } = video as { webkitPresentationMode?: string };
    bySystem(mode === "picture-in-picture" || mode === "fullscreen")();
  };
  video.addEventListener("webkitpresentationmodechanged", presented, { signal });
}

const sheet = new CSSStyleSheet();
sheet.replaceSync(OWN_DISPLAY);

function hideOwnDisplay(root: Node): void {
  if (!(root instanceof Document || root instanceof ShadowRoot)) return;
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
}

// Whether its author placed the cue in the upper half, as for a name at the bottom of the picture.
function isAtTop({ line, snapToLines }: VTTCue): boolean {
  return typeof line === "number" && (snapToLines ? line >= 0 && line < 6 : line < 50);
}

// The browser has parsed the cue: of its markup only spans, <i>, <b>, <u>, <c>, <v> and ruby are left.
function line(cue: VTTCue): HTMLElement {
  const box = document.createElement("p");
  const text = document.createElement("span");
  text.append(cue.getCueAsHTML());
  box.style.textAlign = { start: "start", left: "left", end: "end", right: "right" }[cue.align as string] ?? "center";
  box.append(text);
  return box;
}
