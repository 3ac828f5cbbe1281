// Plays the session's playlist: hls.js where the browser has Media Source Extensions, else the browser's own HLS.
const video = document.querySelector("video");
const facts = document.querySelector(".facts");
const problem = document.querySelector(".error");
const source = video.dataset.src;

function say(message) {
  problem.textContent = message;
  problem.hidden = false;
}

function showQuality(width, height, bitsPerSecond) {
  facts.textContent = `${width} × ${height}` + (bitsPerSecond ? ` · ${(bitsPerSecond / 1e6).toFixed(1)} Mb/s` : "");
}

if (window.Hls && window.Hls.isSupported()) {
  const hls = new window.Hls();
  window.kadrPlayer = hls;
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
  video.addEventListener("resize", () => showQuality(video.videoWidth, video.videoHeight));
} else {
  say("This browser cannot play HLS video.");
}
