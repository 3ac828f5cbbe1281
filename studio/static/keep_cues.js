// Subtitles that outlive a change of CDN. hls.js 1.7 takes a text track away, cues and all, when it moves to another
// pathway, adds an empty one for the same rendition, and does not fetch again what it holds to be there. So the new
// track gets the cues of the old one. In: the video, before hls.js is attached to it.
function keepCues(video) {
  const kept = new Map();
  const name = ({ kind, label, language }) => `${kind} ${language} ${label}`;
  video.textTracks.addEventListener("removetrack", ({ track }) => kept.set(name(track), [...(track.cues ?? [])]));
  video.textTracks.addEventListener("addtrack", ({ track }) => {
    const cues = kept.get(name(track)) ?? [];
    kept.delete(name(track));
    const give = () => cues.forEach((cue) => track.addCue(cue));
    // Its element loads an empty text of its own first, and that empties the track.
    const element = [...video.querySelectorAll("track")].find((one) => one.track === track);
    if (!element || element.readyState === HTMLTrackElement.LOADED) give();
    else element.addEventListener("load", give, { once: true });
  });
}
