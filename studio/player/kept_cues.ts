// Keeps subtitles when hls.js moves to another CDN. hls.js 1.7 then removes a text track with its cues, adds an empty
// one for the same rendition, and does not load the segments again. The new track gets the cues of the old one.
// In: the video element, before hls.js is attached to it.
export function keepCues(video: HTMLVideoElement, signal?: AbortSignal): void {
  const kept = new Map<string, TextTrackCue[]>();
  const name = ({ kind, label, language }: TextTrack) => `${kind} ${language} ${label}`;
  const keep = ({ track }: TrackEvent) => {
    if (track) kept.set(name(track), [...(track.cues ?? [])]);
  };
  const giveBack = ({ track }: TrackEvent) => {
    if (!track) return;
    const cues = kept.get(name(track)) ?? [];
    kept.delete(name(track));
    const give = () => cues.forEach((cue) => track.addCue(cue));
    // Its element first loads an empty text, which clears the track.
    const element = [...video.querySelectorAll("track")].find((one) => one.track === track);
    if (!element || element.readyState === HTMLTrackElement.LOADED) give();
    else for (const event of ["load", "error"]) element.addEventListener(event, give, { once: true });
  };
  video.textTracks.addEventListener("removetrack", keep, { signal });
  video.textTracks.addEventListener("addtrack", giveBack, { signal });
}
