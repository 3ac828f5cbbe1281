"use client";

import { createElement, type CSSProperties, type ReactElement, type Ref, useEffect, useImperativeHandle, useRef } from "react";

/** The `<kadr-player>` element: HTMLMediaElement's methods and properties, and `media`, its `<video>`. */
export interface KadrPlayerElement extends HTMLElement {
  readonly media: HTMLVideoElement;
  readonly paused: boolean;
  readonly duration: number;
  /** Seconds that were watched: the union of what was played, not the position. */
  readonly watchedSeconds: number;
  currentTime: number;
  muted: boolean;
  volume: number;
  playbackRate: number;
  consent: string;
  tokenProvider: (() => Promise<string>) | null;
  play(): Promise<void>;
  pause(): void;
}

export interface KadrPlayerProps {
  /** Id of the playback id, pb_... */
  playbackId: string;
  /** Base URL of Kadr's pages, such as https://video.example.com. */
  origin: string;
  /** Playback token of a signed title. For pages that sign when somebody plays: `tokenProvider`. */
  token?: string;
  tokenProvider?: () => Promise<string>;
  /** Name of the video for screen readers. Default: its title. */
  title?: string;
  /** URL of another poster than the title's own. */
  poster?: string;
  /** Size of the picture in any unit, by which the page keeps its place. Default: 16 by 9. */
  width?: number;
  height?: number;
  /** Where playback starts, in seconds. */
  startTime?: number;
  /** Seconds to load ahead at most. */
  buffer?: number;
  lang?: string;
  loading?: "lazy" | "eager";
  /** Begin to play, without sound, once half of the player is visible. */
  autoplay?: boolean;
  muted?: boolean;
  loop?: boolean;
  /** What the viewer agreed to: nothing is stored without "functional". */
  consent?: "functional" | "analytics";
  /** Share of the title that has to be watched until `onComplete`; 0.9 without it. */
  completeAt?: number;
  className?: string;
  style?: CSSProperties;
  ref?: Ref<KadrPlayerElement | null>;
  onReady?(detail: { title: string; duration_s: number }): void;
  onComplete?(detail: { watched_s: number; duration_s: number }): void;
  onError?(detail: { code: string; message: string; detail: string }): void;
  onPlay?(): void;
  onPause?(): void;
  onEnded?(): void;
  onTimeUpdate?(seconds: number): void;
}

/** A video of Kadr. Renders on a server, too: there it is the poster, and the player loads in the browser. */
export function KadrPlayer(props: KadrPlayerProps): ReactElement {
  const element = useRef<KadrPlayerElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const { origin, tokenProvider } = props;
  // Before the element's own script is there, too: a passive effect would be too late where it is.
  const attach = (player: KadrPlayerElement | null) => {
    element.current = player;
    if (player) player.tokenProvider = tokenProvider ?? null;
  };

  useImperativeHandle(props.ref, () => element.current!, []);

  useEffect(() => {
    load(origin);
  }, [origin]);

  useEffect(() => {
    const player = element.current!;
    const detail = (event: Event) => (event as CustomEvent).detail;
    const listeners: Record<string, (event: Event) => void> = {
      "kadr-ready": (event) => latest.current.onReady?.(detail(event)),
      "kadr-complete": (event) => latest.current.onComplete?.(detail(event)),
      "kadr-error": (event) => latest.current.onError?.(detail(event)),
      play: () => latest.current.onPlay?.(),
      pause: () => latest.current.onPause?.(),
      ended: () => latest.current.onEnded?.(),
      timeupdate: () => latest.current.onTimeUpdate?.(player.currentTime),
    };
    for (const [type, listener] of Object.entries(listeners)) player.addEventListener(type, listener);
    return () => {
      for (const [type, listener] of Object.entries(listeners)) player.removeEventListener(type, listener);
    };
  }, []);

  const { width = 16, height = 9 } = props;
  const flag = (on: boolean | undefined) => (on ? "" : undefined);
  return createElement(
    "kadr-player",
    {
      ref: attach,
      "playback-id": props.playbackId,
      origin,
      token: props.token,
      poster: props.poster,
      title: props.title,
      "start-time": props.startTime,
      buffer: props.buffer,
      lang: props.lang,
      loading: props.loading,
      autoplay: flag(props.autoplay),
      muted: props.muted || undefined, // once the element is there, React sets a property
      loop: flag(props.loop),
      consent: props.consent,
      "complete-at": props.completeAt,
      class: props.className,
      // The element sets what it learns of the title as custom properties of the same style.
      suppressHydrationWarning: true,
      style: {
        display: "block",
        "--kadr-ratio": `${width} / ${height}`,
        aspectRatio: "var(--kadr-ratio)",
        ...props.style,
      },
    },
    createElement("video", {
      slot: "media",
      playsInline: true,
      preload: "none",
      poster: props.poster,
      suppressHydrationWarning: true,
      style: { width: "100%", height: "100%" },
    }),
  );
}

const loaded = new Map<string, Promise<unknown>>();

/** Load the element from Kadr, once for each origin. Called by the component; call it earlier to save time. */
export function load(origin: string): Promise<unknown> {
  const url = new URL("/player/1/kadr-player.js", origin).href;
  let loading = loaded.get(url);
  if (!loading) {
    loading = new Promise((resolve, reject) => {
      const script = Object.assign(document.createElement("script"), { type: "module", src: url, crossOrigin: "anonymous" });
      script.addEventListener("load", resolve);
      script.addEventListener("error", () => {
        loaded.delete(url);
        reject(new Error(`The player cannot be loaded from ${url}`));
      });
      document.head.append(script);
    });
    loading.catch((error) => console.error(error));
    loaded.set(url, loading);
  }
  return loading;
}
