"use client";

import { useState } from "react";

// What is used of upload.js of Kadr, a file of public/: docs/uploads.md has all of it.
interface Upload extends EventTarget {
  state: string;
  progress: { fraction: number };
  error: Error | null;
  start(): void;
}
type UploadModule = { Upload: new (file: File, fields: object, settings: { apiUrl: string; token: string }) => Upload };
const UPLOAD_JS = "/upload.js";

async function begin(lesson: string, file: File, tell: (text: string) => void) {
  const answer = await fetch("/api/upload-token", { method: "POST", body: JSON.stringify({ lesson }) });
  if (!answer.ok) return tell(`The upload cannot begin: ${await answer.text()}`);
  const { Upload }: UploadModule = await import(/* webpackIgnore: true */ /* turbopackIgnore: true */ UPLOAD_JS);
  const upload = new Upload(file, {}, await answer.json());
  const show = () => tell(upload.error?.message ?? `${upload.state}, ${Math.round(upload.progress.fraction * 100)} %`);
  upload.addEventListener("state", show);
  upload.addEventListener("progress", show);
  upload.start();
}

// Sends the video of a lesson. The page shows it once Kadr's webhook has said that it can be watched.
export function Uploader({ lesson }: { lesson: string }) {
  const [text, tell] = useState("Choose the video of this lesson.");
  const choose = (file: File | undefined) => file && begin(lesson, file, tell);
  return (
    <p>
      <input type="file" accept="video/*" onChange={({ target }) => choose(target.files?.[0])} />
      <output>{text}</output>
    </p>
  );
}
