// Recording on the upload page: what was recorded is sent among its uploads.
import "../record/kadr-recorder.ts";
import type { KadrRecorder } from "../record/kadr-recorder.ts";
import type { Uploads } from "./uploads.ts";

const uploads = document.querySelector<Uploads>("kadr-uploads")!;
const recorder = document.querySelector<KadrRecorder>("kadr-recorder")!;
recorder.send = (file, title) => {
  const upload = uploads.add(file, { title });
  const row = uploads.querySelector<HTMLElement>(".uploads > :last-child")!;
  row.tabIndex = -1;
  row.focus();
  return upload;
};
