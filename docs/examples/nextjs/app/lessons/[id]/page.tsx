// A lesson as a server component: the token is signed here, for this viewer, whenever somebody asks for the page.
import { kadr } from "../../../lib/kadr";
import { currentUser, lessonOf } from "../../../lib/school";
import { Lesson } from "./lesson";
import { Uploader } from "./uploader";

export default async function LessonPage({ params }: { params: Promise<{ id: string }> }) {
  const lesson = await lessonOf((await params).id);
  if (!lesson) return <p>There is no such lesson.</p>;
  const user = await currentUser();
  return (
    <main>
      <h1>{lesson.name}</h1>
      {lesson.playbackId ? (
        <Lesson {...await watching(lesson.playbackId, user.id)} />
      ) : user.teaches ? (
        <Uploader lesson={lesson.id} />
      ) : (
        <p>This lesson has no video yet.</p>
      )}
    </main>
  );
}

async function watching(playbackId: string, viewer: string) {
  const { token, poster_url } = await kadr.playbackTokens.create(playbackId, { viewer, max_sessions: 2 });
  return { origin: process.env.KADR_SITE_URL!, playbackId, token, poster: poster_url ?? undefined };
}
