// A lesson as a server component: the token is signed here, for this viewer, and never leaves the server but for the page.
import { Lesson } from "./lesson";

interface Token {
  token: string;
  poster_url: string | null;
}

// Your own record of a lesson, and whom you let watch it.
async function lesson(id: string) {
  return { id, name: "Fractions", playbackId: process.env.LESSON_PLAYBACK_ID!, viewer: "student-17" };
}

async function sign(playbackId: string, viewer: string): Promise<Token> {
  const response = await fetch(`${process.env.KADR_API_URL}/v1/playback_ids/${playbackId}/token`, {
    method: "POST",
    headers: { Authorization: `Bearer ${process.env.KADR_API_KEY}`, "Content-Type": "application/json" },
    body: JSON.stringify({ viewer, max_sessions: 2 }),
    cache: "no-store",
  });
  if (!response.ok) throw new Error(`Kadr answered ${response.status}: ${await response.text()}`);
  return (await response.json()).data;
}

export default async function LessonPage({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  const { name, playbackId, viewer } = await lesson(id);
  const { token, poster_url } = await sign(playbackId, viewer);
  return (
    <main>
      <h1>{name}</h1>
      <Lesson origin={process.env.KADR_SITE_URL!} playbackId={playbackId} token={token} poster={poster_url ?? undefined} />
    </main>
  );
}
