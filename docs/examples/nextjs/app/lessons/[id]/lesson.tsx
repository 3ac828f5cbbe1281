"use client";

import { KadrPlayer, type KadrPlayerProps } from "kadr-react";
import { useState } from "react";

// The player of a lesson, and whether it has been watched.
export function Lesson(props: Pick<KadrPlayerProps, "origin" | "playbackId" | "token" | "poster">) {
  const [done, setDone] = useState(false);
  return (
    <>
      <KadrPlayer {...props} onComplete={() => setDone(true)} />
      <p role="status">{done ? "Lesson completed" : "Watch the lesson to complete it"}</p>
    </>
  );
}
