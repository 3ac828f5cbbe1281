// A teacher's page asks for a token, and sends one file with it: straight to Kadr, and without the API key.
import { kadr } from "../../../lib/kadr";
import { currentUser, lessonOf } from "../../../lib/school";

export async function POST(request: Request): Promise<Response> {
  const asked: { lesson?: unknown } = await request.json();
  const { teaches } = await currentUser();
  if (!teaches) return Response.json({ error: "Only teachers may upload." }, { status: 403 });
  const lesson = await lessonOf(String(asked.lesson));
  if (!lesson) return Response.json({ error: "There is no such lesson." }, { status: 404 });
  const { token } = await kadr.uploadTokens.create({
    ref: `lesson:${lesson.id}`,
    title: lesson.name,
    policy: "signed",
    origins: [process.env.SCHOOL_URL!],
  });
  return Response.json({ token, apiUrl: process.env.KADR_API_URL }, { headers: { "Cache-Control": "no-store" } });
}
