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

// The position of this tab in the video before a reload, or null; from now on the position is stored until the end.
// In seconds, not segments: the video may have become ready meanwhile, with other segments.
function resumeFrom(key) {
  let stored = null;
  try {
    stored = sessionStorage.getItem(key);
  } catch {
    return null; // the browser stores nothing for this site
  }
  const keep = ({ type }) => {
    try {
      if (video.ended) sessionStorage.removeItem(key);
      else if (video.currentTime > 0 || type === "seeking") sessionStorage.setItem(key, video.currentTime.toFixed(3));
    } catch {
      // storage is full: the next load starts from the beginning
    }
  };
  for (const event of ["timeupdate", "seeking", "ended"]) video.addEventListener(event, keep);
  window.addEventListener("pagehide", keep); // during playback, timeupdate is up to a quarter of a second late
  return stored === null ? null : Number(stored);
}

// The URL that starts this session again after a pause that outlasted its files; null once it was used in vain.
let renewal = null;

async function askForRenewal(url) {
  try {
    const response = await fetch(url);
    if (!response.ok) return null;
    const { pathname, search } = new URL((await response.json()).data.renewal_url);
    return pathname + search; // on this host, whichever name the server has for itself
  } catch {
    return null; // without one the viewer loads the page again
  }
}

// The same session from a fresh playlist, at the same place. Where that is refused, too, the session has ended.
function renew(hls) {
  const [url, { currentTime, paused }] = [renewal, video];
  renewal = null;
  hls.once(window.Hls.Events.FRAG_BUFFERED, async () => {
    renewal = await askForRenewal(url.replace("index.m3u8", "session"));
  });
  hls.config.startPosition = currentTime;
  hls.loadSource(url);
  if (!paused) hls.once(window.Hls.Events.MANIFEST_PARSED, () => video.play().catch(() => {}));
}

if (window.Hls && window.Hls.isSupported()) {
  askForRenewal(video.dataset.session).then((url) => (renewal = url));
  const hls = new window.Hls({ startPosition: resume ?? -1 });
  window.kadrPlayer = hls;
  keepCues(video);
  hls.on(window.Hls.Events.LEVEL_SWITCHED, (_, { level }) => {
    const { width, height, bitrate } = hls.levels[level];
    showQuality(width, height, bitrate);
  });
  hls.on(window.Hls.Events.ERROR, (_, { fatal, details, response }) => {
    if (!fatal) return;
    if (response && response.code === 403 && renewal) renew(hls);
    else if (response && response.code === 403) say("This link has expired or is not valid. Load the page you came from again.");
    else say(`The video cannot be played (${details}). Check your connection and load the page again.`);
  });
  hls.loadSource(source);
  hls.attachMedia(video);
} else if (video.canPlayType("application/vnd.apple.mpegurl")) {
  video.src = source;
  if (resume !== null) video.addEventListener("loadedmetadata", () => (video.currentTime = resume), { once: true });
  askForRenewal(video.dataset.session).then((url) => (renewal = url));
  video.addEventListener("error", () => {
    if (!renewal) return;
    const { currentTime } = video;
    video.addEventListener("loadedmetadata", () => (video.currentTime = currentTime), { once: true });
    video.src = renewal;
    renewal = null;
    video.play().catch(() => {});
  });
  video.addEventListener("resize", () => showQuality(video.videoWidth, video.videoHeight));
} else {
  say("This browser cannot play HLS video.");
}
