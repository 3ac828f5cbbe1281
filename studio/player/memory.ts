// What outlives the page, only where the viewer agreed (`consent="functional"`): the position in each video.
const PREFIX = "kadr:position:";
const EVERY_MS = 5000;

// The stored position in seconds; null where there is none that is worth going back to.
export function storedPosition(playbackId: string, duration: number): number | null {
  try {
    const stored = Number(localStorage.getItem(PREFIX + playbackId) ?? NaN);
    return stored >= 10 && stored <= duration * 0.95 ? stored : null;
  } catch {
    return null; // the browser stores nothing for this site
  }
}

export function forget(playbackId: string): void {
  try {
    localStorage.removeItem(PREFIX + playbackId);
  } catch {
    // nothing was stored
  }
}

// Store the position while it changes, at most every 5 s and when the page is left. Returns how to stop.
export function keepPosition(media: HTMLMediaElement, playbackId: string): () => void {
  let stored = 0;
  const keep = ({ type }: Event) => {
    if (type === "ended") return forget(playbackId);
    if (type === "timeupdate" && Date.now() - stored < EVERY_MS) return;
    if (media.ended || media.readyState === 0) return;
    stored = Date.now();
    try {
      localStorage.setItem(PREFIX + playbackId, media.currentTime.toFixed(1));
    } catch {
      // storage is full: the next visit starts from the beginning
    }
  };
  const events = ["timeupdate", "seeked", "pause", "ended"] as const;
  for (const event of events) media.addEventListener(event, keep);
  addEventListener("pagehide", keep);
  return () => {
    for (const event of events) media.removeEventListener(event, keep);
    removeEventListener("pagehide", keep);
  };
}
