// Keeps subtitles when hls.js moves to another CDN. hls.js 1.7 then removes a text track with its cues, adds an empty
// one for the same rendition, and does not load the segments again. The new track gets the cues of the old one.
// In: the video element, before hls.js is attached to it.
function keepCues(video) {
  const kept = new Map();
  const name = ({ kind, label, language }) => `${kind} ${language} ${label}`;
  video.textTracks.addEventListener("removetrack", ({ track }) => kept.set(name(track), [...(track.cues ?? [])]));
  video.textTracks.addEventListener("addtrack", ({ track }) => {
    const cues = kept.get(name(track)) ?? [];
    kept.delete(name(track));
    const give = () => cues.forEach((cue) => track.addCue(cue));
    // Its element first loads an empty text, which clears the track.
    const element = [...video.querySelectorAll("track")].find((one) => one.track === track);
    if (!element || element.readyState === HTMLTrackElement.LOADED) give();
    else element.addEventListener("load", give, { once: true });
  });
}
