// The control bar, menus and overlays around a video: media-chrome's elements, and menus of our own.
import "media-chrome/dist/media-controller.js";
import "media-chrome/dist/media-airplay-button.js";
import "media-chrome/dist/media-fullscreen-button.js";
import "media-chrome/dist/media-loading-indicator.js";
import "media-chrome/dist/media-mute-button.js";
import "media-chrome/dist/media-pip-button.js";
import "media-chrome/dist/media-play-button.js";
import "media-chrome/dist/media-time-display.js";
import "media-chrome/dist/media-time-range.js";
import "media-chrome/dist/media-volume-range.js";
import { addTranslation, setLanguage } from "media-chrome/dist/utils/i18n.js";
import { drawCaptions } from "./captions.ts";
import type { Engine } from "./engine.ts";
import type { Facts } from "./facts.ts";
import { CAPTIONS, CHAPTERS, SETTINGS } from "./icons.ts";
import { type Choice, Menu, type Section } from "./menu.ts";
import type { Texts } from "./texts.ts";
import { clock } from "./time.ts";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const KEYS: [keys: string, text: string][] = [
  ["Space, K", "player.key_play"],
  ["←, J", "player.key_back"],
  ["→, L", "player.key_on"],
  ["↑, ↓", "player.key_volume"],
  ["M", "player.key_mute"],
  ["C", "player.key_captions"],
  ["F", "player.key_fullscreen"],
  ["P", "player.key_pip"],
  ["<, >", "player.key_speed"],
  ["?", "player.key_help"],
];
const HIDE_AFTER_S = "2";
const TEMPLATE = `
<media-controller part="controller" autohide="${HIDE_AFTER_S}" hotkeys="noshift+/" nosubtitleslangpref nomutedpref novolumepref
  breakpoints="medium:480 wide:720">
  <slot name="media" slot="media"></slot>
  <div class="cues upper" part="captions" noautohide></div>
  <div class="cues lower" part="captions" noautohide></div>
  <media-loading-indicator slot="centered-chrome" noautohide></media-loading-indicator>
  <media-play-button slot="centered-chrome" class="centre" notooltip tabindex="-1" aria-hidden="true"></media-play-button>
  <div class="bar" part="bar">
    <div class="menus"></div>
    <media-time-range></media-time-range>
    <div class="row">
      <media-play-button notooltip class="play"></media-play-button>
      <media-mute-button notooltip></media-mute-button>
      <media-volume-range></media-volume-range>
      <media-time-display showduration notoggle></media-time-display>
      <span class="space"></span>
      <button type="button" class="chapters" hidden>${CHAPTERS}</button>
      <button type="button" class="captions" hidden>${CAPTIONS}</button>
      <button type="button" class="settings">${SETTINGS}</button>
      <media-pip-button notooltip></media-pip-button>
      <media-airplay-button notooltip></media-airplay-button>
      <media-fullscreen-button notooltip></media-fullscreen-button>
    </div>
  </div>
</media-controller>`;

export class Controls {
  readonly controller: HTMLElement;
  #menus: Menu[] = [];

  constructor(
    root: ShadowRoot,
    private readonly video: HTMLVideoElement,
    private readonly engine: Engine,
    private readonly texts: Texts,
    facts: Facts,
    signal: AbortSignal,
  ) {
    addTranslation(texts.language, texts.controls);
    setLanguage(texts.language);
    const holder = document.createElement("template");
    holder.innerHTML = TEMPLATE;
    this.controller = holder.content.querySelector("media-controller")!;
    // Taken into the document before anything in it is changed: only then are its elements upgraded.
    root.querySelector('slot[name="media"]')?.remove();
    root.prepend(holder.content);
    for (const name of ["media-mute-button", "media-volume-range"])
      this.#one(name).hidden = !facts.has_sound;
    this.controller.classList.toggle("upright", facts.height > facts.width);
    drawCaptions(video, this.#one(".lower"), this.#one(".upper"), signal);
    // The element itself goes full screen, with everything that it says.
    Object.assign(this.controller, { fullscreenElement: root.host });
    this.#one(".centre").tabIndex = -1; // the play button of the bar is the same
    this.#menus = [
      this.#menu(".chapters", "player.chapters", () => [{ label: texts("player.chapters"), choices: this.#chapters() }]),
      this.#menu(".captions", "player.captions", () => [{ label: texts("player.captions"), choices: this.#captions() }]),
      this.#menu(".settings", "player.settings", () => this.#settings()),
    ];
    for (const event of ["addtrack", "removetrack", "change"]) video.textTracks.addEventListener(event, () => this.refresh(), { signal });
    this.controller.addEventListener("keyup", (event) => this.#help(event));
    this.controller.addEventListener("focusin", () => this.#stayWhileFocused());
    this.controller.addEventListener("focusout", () => this.#stayWhileFocused());
    this.refresh();
  }

  // Show what there is to choose from by now.
  refresh(): void {
    this.#one(".captions").hidden = this.#captionTracks.length === 0;
    this.#one(".chapters").hidden = this.#cuesOf("chapters").length < 2;
    for (const menu of this.#menus) if (menu.open) menu.refresh();
  }

  // Out of use while something lies over them.
  cover(covered: boolean): void {
    this.controller.inert = covered;
  }

  remove(): void {
    const slot = document.createElement("slot");
    slot.name = "media";
    this.controller.replaceWith(slot);
  }

  focusPlay(): void {
    this.#one(".play").focus();
  }

  #one<Found extends HTMLElement>(selector: string): Found {
    return this.controller.querySelector<Found>(selector)!;
  }

  #menu(selector: string, name: string, sections: () => Section[]): Menu {
    const button = this.#one<HTMLButtonElement>(selector);
    button.ariaLabel = this.texts(name);
    button.title = this.texts(name);
    const menu = new Menu(button, this.#one(".menus"), sections);
    menu.panel.addEventListener("toggle", () => {
      if (menu.open) for (const other of this.#menus) if (other !== menu) other.close(false);
      this.#stayWhileFocused();
    });
    return menu;
  }

  get #captionTracks(): TextTrack[] {
    return [...this.video.textTracks].filter(({ kind }) => kind === "subtitles" || kind === "captions");
  }

  #captions(): Choice[] {
    const show = (wanted: TextTrack | null) => {
      for (const track of this.#captionTracks) track.mode = track === wanted ? "showing" : "disabled";
    };
    const tracks = this.#captionTracks;
    const none = tracks.every(({ mode }) => mode !== "showing");
    return [
      { label: this.texts("player.captions_off"), chosen: none, choose: () => show(null) },
      ...tracks.map((track) => ({
        label: track.label || track.language,
        chosen: track.mode === "showing",
        choose: () => show(track),
      })),
    ];
  }

  #cuesOf(kind: TextTrackKind): VTTCue[] {
    const track = [...this.video.textTracks].find((one) => one.kind === kind);
    return [...(track?.cues ?? [])] as VTTCue[];
  }

  // The text of a cue has `&` and `<` as WebVTT writes them; the time line reads it so, too.
  #chapters(): Choice[] {
    return this.#cuesOf("chapters").map((cue) => ({
      label: `${clock(cue.startTime)}  ${cue.getCueAsHTML().textContent}`,
      choose: () => (this.video.currentTime = cue.startTime),
    }));
  }

  #settings(): Section[] {
    const { engine, texts, video } = this;
    const { pinned, quality, qualities, sounds } = engine;
    const now = pinned === null && quality ? texts("player.quality_auto_now", { now: quality.name }) : texts("player.quality_auto");
    return [
      {
        label: texts("player.quality"),
        choices:
          qualities.length < 2
            ? []
            : [
                { label: now, chosen: pinned === null, choose: () => (engine.pinned = null) },
                ...qualities.map((one) => ({
                  label: one.name,
                  chosen: pinned?.name === one.name,
                  choose: () => (engine.pinned = one),
                })),
              ],
      },
      {
        label: texts("player.speed"),
        choices: SPEEDS.map((speed) => ({
          label: speed === 1 ? texts("player.speed_normal") : `${speed.toLocaleString(texts.language)}×`,
          chosen: video.playbackRate === speed,
          choose: () => (video.playbackRate = speed),
        })),
      },
      {
        label: texts("player.sound"),
        choices:
          sounds.length < 2
            ? []
            : sounds.map((label, index) => ({
                label,
                chosen: engine.sound === index,
                choose: () => (engine.sound = index),
              })),
      },
    ];
  }

  // Controls stay while somebody uses them by keyboard, and while a menu is open.
  #stayWhileFocused(): void {
    const used = this.#menus.some(({ open }) => open) || this.controller.querySelector(".bar :focus-visible") !== null;
    this.controller.setAttribute("autohide", used ? "-1" : HIDE_AFTER_S);
  }

  #help({ key, target }: KeyboardEvent): void {
    if (key !== "?" || (target as Element).closest?.("dialog")) return;
    const dialog = document.createElement("dialog");
    dialog.slot = "dialog";
    const title = document.createElement("h2");
    title.id = "shortcuts";
    title.textContent = this.texts("player.shortcuts");
    const list = document.createElement("dl");
    for (const [keys, text] of KEYS) {
      const [term, meaning] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = keys;
      meaning.textContent = this.texts(text);
      list.append(term, meaning);
    }
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = this.texts("player.close");
    close.addEventListener("click", () => dialog.close());
    dialog.setAttribute("aria-labelledby", title.id);
    dialog.append(title, list, close);
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    dialog.addEventListener("close", () => dialog.remove());
    this.controller.append(dialog);
    dialog.showModal();
  }
}
