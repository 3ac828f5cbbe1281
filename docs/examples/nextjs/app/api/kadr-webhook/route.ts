// Kadr tells here what has become of a video. An event may come twice, and out of order: the asset says what is so now.
import { type KadrEvent, verifyWebhook, WebhookRefused } from "kadr-node";
import { kadr } from "../../../lib/kadr";
import { setVideo } from "../../../lib/school";

export async function POST(request: Request): Promise<Response> {
  const secrets = (process.env.KADR_WEBHOOK_SECRET ?? "").split(" ");
  let event: KadrEvent;
  try {
    event = verifyWebhook(await request.text(), request.headers, secrets);
  } catch (error) {
    if (error instanceof WebhookRefused) return new Response(error.message, { status: 400 });
    throw error;
  }
  if (event.type === "video.asset.playable" || event.type === "video.asset.ready") {
    const { ref, playback_ids } = await kadr.assets.get(event.object.id);
    if (ref?.type === "lesson") await setVideo(ref.id, playback_ids[0]?.id ?? null);
  } else if (event.type === "video.asset.errored") {
    const { code, message, hint } = event.data.error;
    console.error(`${event.object.id}: ${code}: ${message} ${hint}`);
  }
  return new Response(null, { status: 204 });
}
