// Plays the session's playlist: hls.js where the browser has Media Source Extensions, else the browser's own HLS.
const video = document.querySelector("video");
const facts = document.querySelector(".facts");
const problem = document.querySelector(".error");
const source = video.dataset.src;
const resume = resumeFrom(`position:${location.pathname}`); // the path ends in the playback id

function say(message) {
  problem.textContent = message;
  problem.hidden = false;
}

function showQuality(width, height, bitsPerSecond) {
  facts.textContent = `${width} × ${height}` + (bitsPerSecond ? ` · ${(bitsPerSecond / 1e6).toFixed(1)} Mb/s` : "");
}

// Where this tab was in this video before it was loaded again, or null; from now on the position is kept until the end.
// Seconds, not segments: the video may have become ready in between, and its segments others.
function resumeFrom(key) {
  let stored = null;
  try {
    stored = sessionStorage.getItem(key);
  } catch {
    return null; // the browser keeps nothing for this site
  }
  const keep = ({ type }) => {
    try {
      if (video.ended) sessionStorage.removeItem(key);
      else if (video.currentTime > 0 || type === "seeking") sessionStorage.setItem(key, video.currentTime.toFixed(3));
    } catch {
      // full: it starts from the beginning next time
    }
  };
  for (const event of ["timeupdate", "seeking", "ended"]) video.addEventListener(event, keep);
  window.addEventListener("pagehide", keep); // while it plays, timeupdate is a quarter of a second late
  return stored === null ? null : Number(stored);
}

if (window.Hls && window.Hls.isSupported()) {
  const hls = new window.Hls({ startPosition: resume ?? -1 });
  window.kadrPlayer = hls;
  keepCues(video);
  hls.on(window.Hls.Events.LEVEL_SWITCHED, (_, { level }) => {
    const { width, height, bitrate } = hls.levels[level];
    showQuality(width, height, bitrate);
  });
  hls.on(window.Hls.Events.ERROR, (_, { fatal, details, response }) => {
    if (!fatal) return;
    if (response && response.code === 403) say("This link has expired or is not valid. Load the page you came from again.");
    else say(`The video cannot be played (${details}). Check your connection and load the page again.`);
  });
  hls.loadSource(source);
  hls.attachMedia(video);
} else if (video.canPlayType("application/vnd.apple.mpegurl")) {
  video.src = source;
  if (resume !== null) video.addEventListener("loadedmetadata", () => (video.currentTime = resume), { once: true });
  video.addEventListener("resize", () => showQuality(video.videoWidth, video.videoHeight));
} else {
  say("This browser cannot play HLS video.");
}
