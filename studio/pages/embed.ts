// The embed page speaks Player.js (https://github.com/embedly/player.js, SPEC.rst) with the page around it.
import type { KadrPlayer } from "../player/kadr-player.ts";

const CONTEXT = "player.js";
const VERSION = "0.0.11";

interface Message {
  method: string;
  value?: unknown;
  listener?: string;
}

const player = document.querySelector<KadrPlayer>("kadr-player");
if (player && parent !== window) customElements.whenDefined("kadr-player").then(() => speak(player));

function speak(player: KadrPlayer): void {
  const finite = (value: unknown) => (Number.isFinite(Number(value)) ? Number(value) : 0);
  const { media } = player;
  const seconds = () => ({ seconds: player.currentTime, duration: finite(player.duration) });
  const events: Record<string, [type: string, value: (event: Event) => unknown]> = {
    play: ["play", () => undefined],
    pause: ["pause", () => undefined],
    ended: ["ended", () => undefined],
    timeupdate: ["timeupdate", seconds],
    progress: ["progress", () => ({ percent: buffered(media) })],
    error: ["kadr-error", (event) => ({ code: 1, msg: (event as CustomEvent).detail.message })],
  };
  const methods: Record<string, (value: unknown) => unknown> = {
    play: () => void player.play().catch(() => {}),
    pause: () => player.pause(),
    getPaused: () => player.paused,
    mute: () => void (player.muted = true),
    unmute: () => void (player.muted = false),
    getMuted: () => player.muted,
    setVolume: (value) => void (player.volume = Math.min(100, Math.max(0, finite(value))) / 100),
    getVolume: () => player.volume * 100,
    getDuration: () => finite(player.duration),
    setCurrentTime: (value) => void (player.currentTime = Math.max(0, finite(value))),
    getCurrentTime: () => player.currentTime,
    setLoop: (value) => void (media.loop = Boolean(value)),
    getLoop: () => media.loop,
  };
  const listening = new Map<string, () => void>(); // by event and name of the listener

  const answer = (origin: string, event: string, value?: unknown, listener?: string) =>
    parent.postMessage(JSON.stringify({ context: CONTEXT, version: VERSION, event, value, listener }), origin);

  const listen = (origin: string, event: string, listener?: string) => {
    const known = events[event];
    const name = JSON.stringify([event, listener]);
    if (!known || listening.has(name)) return;
    const [type, value] = known;
    const tell = (happened: Event) => answer(origin, event, value(happened), listener);
    player.addEventListener(type, tell);
    listening.set(name, () => player.removeEventListener(type, tell));
  };

  // The address may hold a token: then it is told to the page that embeds this one, and to no other.
  const embedding = document.referrer ? new URL(document.referrer).origin : null;
  const mayKnow = (origin: string | null) => location.search === "" || (embedding !== null && origin === embedding);

  const forget = (event: string, listener?: string) => {
    const name = JSON.stringify([event, listener]);
    listening.get(name)?.();
    listening.delete(name);
  };

  const ready = (origin: string, listener?: string) =>
    answer(
      origin,
      "ready",
      {
        src: location.href, // by which the page knows which of its frames is ready
        events: ["ready", ...Object.keys(events)],
        methods: [...Object.keys(methods), "addEventListener", "removeEventListener"],
      },
      listener,
    );

  addEventListener("message", ({ data, origin, source }: MessageEvent) => {
    const message = source === parent ? parsed(data) : null;
    if (message === null) return;
    const { method, value, listener } = message;
    if (method === "addEventListener" && value === "ready") {
      if (mayKnow(origin)) ready(origin, listener);
    }
    else if (method === "addEventListener") listen(origin, String(value), listener);
    else if (method === "removeEventListener") forget(String(value), listener);
    else if (Object.hasOwn(methods, method)) {
      const result = methods[method]!(value);
      if (method.startsWith("get")) answer(origin, method, result, listener);
    }
  });

  // On its own: the page around may have asked before this one was there.
  if (mayKnow(embedding)) ready(embedding ?? "*");
}

function parsed(data: unknown): Message | null {
  try {
    const message = typeof data === "string" ? JSON.parse(data) : data;
    return message?.context === CONTEXT && typeof message.method === "string" ? message : null;
  } catch {
    return null;
  }
}

function buffered({ buffered, duration }: HTMLVideoElement): number {
  return buffered.length && duration ? buffered.end(buffered.length - 1) / duration : 0;
}
