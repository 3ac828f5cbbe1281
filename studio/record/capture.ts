// Opens what is recorded: a camera with its microphone, or a screen with or without one. Rejects with `Refused`.
import { type Kind } from "./support.ts";
import { type Trouble, troubleOf } from "./trouble.ts";

export interface Chosen {
  camera?: string; // ids of devices; default: the browser's choice
  microphone?: string;
}

export class Refused extends Error {
  constructor(readonly trouble: Trouble) {
    super(trouble);
  }
}

export interface Capture {
  kind: Kind;
  stream: MediaStream; // what is recorded: one picture, and at most one sound
  screen: MediaStream | null;
  devices: MediaStream | null;
  mixer: AudioContext | null;
}

// `before`: its screen is kept where there is one, so that a change of microphone does not ask for the screen again.
export async function open(kind: Kind, chosen: Chosen, before: Capture | null = null): Promise<Capture> {
  closeAll(before?.devices);
  closeMixer(before?.mixer);
  const screen = kind === "camera" ? null : (before?.screen ?? (await asked(true, sharing)));
  try {
    const devices = kind === "screen" ? null : await asked(false, () => listening(kind, chosen));
    return { kind, screen, devices, ...together(screen, devices) };
  } catch (refused) {
    closeAll(screen);
    throw refused;
  }
}

export function close(capture: Capture): void {
  closeAll(capture.screen);
  closeAll(capture.devices);
  closeMixer(capture.mixer);
}

// The tracks that end where a device is gone or sharing is; a mixed sound never does. Screens may do without their sound.
export function sourcesOf({ screen, devices }: Capture): { track: MediaStreamTrack; screen: boolean }[] {
  const shown = screen?.getVideoTracks().map((track) => ({ track, screen: true })) ?? [];
  return [...shown, ...(devices?.getTracks().map((track) => ({ track, screen: false })) ?? [])];
}

// Cameras or microphones to choose from. Without a permission there are none, as they have no names yet.
export async function choices(kind: "videoinput" | "audioinput"): Promise<MediaDeviceInfo[]> {
  const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  return all.filter((device) => device.kind === kind && device.deviceId && device.label);
}

function sharing(): Promise<MediaStream> {
  const video = { width: { max: 1920 }, height: { max: 1080 }, frameRate: { max: 30 } };
  return navigator.mediaDevices.getDisplayMedia({ video, audio: true });
}

function listening(kind: Kind, { camera, microphone }: Chosen): Promise<MediaStream> {
  const picture = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
  const exactly = (id?: string) => (id ? { deviceId: { exact: id } } : {});
  const video = kind === "camera" ? { ...picture, ...exactly(camera) } : false;
  return navigator.mediaDevices.getUserMedia({ video, audio: microphone ? exactly(microphone) : true });
}

async function asked(screen: boolean, ask: () => Promise<MediaStream>): Promise<MediaStream> {
  try {
    return await ask();
  } catch (error) {
    throw new Refused(troubleOf(error as DOMException, screen));
  }
}

// The sound of a screen and a voice become one: players play one track.
function together(screen: MediaStream | null, devices: MediaStream | null): Pick<Capture, "stream" | "mixer"> {
  const sounds = [screen, devices].filter((stream) => stream?.getAudioTracks().length) as MediaStream[];
  const video = (screen ?? devices)!.getVideoTracks();
  if (sounds.length < 2) return { stream: new MediaStream([...video, ...(sounds[0]?.getAudioTracks() ?? [])]), mixer: null };
  const mixer = new AudioContext();
  const mixed = mixer.createMediaStreamDestination();
  for (const sound of sounds) mixer.createMediaStreamSource(sound).connect(mixed);
  return { stream: new MediaStream([...video, ...mixed.stream.getAudioTracks()]), mixer };
}

function closeAll(stream: MediaStream | null | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

function closeMixer(mixer: AudioContext | null | undefined): void {
  if (mixer && mixer.state !== "closed") void mixer.close();
}
