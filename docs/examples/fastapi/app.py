"""A school whose lessons have videos in Kadr. docs/integrate.md of Kadr explains it, step by step."""

import os
import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from fastapi.staticfiles import StaticFiles

from kadr_client import ApiError, Event, Kadr, PlaybackToken, WebhookError, verify_webhook

API_URL, API_KEY = os.environ["KADR_API_URL"], os.environ["KADR_API_KEY"]
SITE_URL = os.environ["KADR_SITE_URL"]  # where the player comes from
WEBHOOK_SECRETS = os.environ["KADR_WEBHOOK_SECRET"].split()  # two, while one replaces the other
OWN_URL = os.environ.get("SCHOOL_URL", "http://127.0.0.1:8000")
USERS = dict(user.split(":", 1) for user in os.environ["SCHOOL_USERS"].split())  # teacher:... ann:...


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with Kadr(API_URL, API_KEY) as kadr:  # one client for all requests
        app.state.kadr = kadr
        yield


def client(request: Request) -> Kadr:
    kadr: Kadr = request.app.state.kadr
    return kadr


app = FastAPI(title="School", lifespan=lifespan)
app.mount("/static", StaticFiles(directory="static"))
KadrClient = Annotated[Kadr, Depends(client)]


# Your own sign-in takes the place of these two.
def viewer(credentials: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]) -> str:
    password = USERS.get(credentials.username)
    if password is None or not secrets.compare_digest(credentials.password.encode(), password.encode()):
        raise HTTPException(401, "Who are you?", {"WWW-Authenticate": "Basic"})
    return credentials.username


def teacher(viewer: Annotated[str, Depends(viewer)]) -> str:
    if viewer != "teacher":
        raise HTTPException(403, "Teachers only.")
    return viewer


# Your own database takes the place of this one.
db = sqlite3.connect("school.sqlite3", check_same_thread=False)
db.executescript("""
    CREATE TABLE IF NOT EXISTS videos (lesson INTEGER PRIMARY KEY, playback_id TEXT NOT NULL, title TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY);
""")


UPLOAD_PAGE = """<!doctype html><meta charset="utf-8"><title>Upload</title>
<input type="file" accept="video/*"> <output>Choose a video</output>
<script type="module">
  import { Upload } from "/static/upload.js";
  const said = document.querySelector("output");
  document.querySelector("input").addEventListener("change", async ({ target }) => {
    const { api_url, token } = await (await fetch("upload-token", { method: "POST" })).json();
    const upload = new Upload(target.files[0], {}, { apiUrl: api_url, token });
    upload.addEventListener("progress", () => { said.value = `${Math.round(100 * upload.progress.fraction)} %`; });
    upload.addEventListener("state", () => { said.value = upload.error?.message ?? upload.trouble ?? upload.state; });
    upload.start();
  });
</script>"""


@app.get("/lessons/{lesson}/upload", response_class=HTMLResponse, dependencies=[Depends(teacher)])
async def upload_page(lesson: int) -> str:
    return UPLOAD_PAGE


@app.post("/lessons/{lesson}/upload-token", dependencies=[Depends(teacher)])
async def upload_token(lesson: int, kadr: KadrClient) -> dict[str, str]:
    """With which the page sends one video of this lesson straight to Kadr."""
    token = await kadr.upload_tokens.create(
        ref=f"lesson:{lesson}", title=f"Lesson {lesson}", policy="signed", origins=[OWN_URL]
    )
    return {"api_url": API_URL, "token": token["token"]}


async def verified(request: Request) -> Event:
    try:
        return verify_webhook(await request.body(), request.headers, WEBHOOK_SECRETS)
    except WebhookError as error:
        raise HTTPException(400, str(error)) from error


@app.post("/webhooks/kadr", status_code=204)
async def take_event(event: Annotated[Event, Depends(verified)], kadr: KadrClient) -> None:
    """Note that a lesson has a video that can be watched. An event may come twice."""
    if event["type"] not in ("video.asset.playable", "video.asset.ready"):
        return
    if db.execute("SELECT 1 FROM events WHERE id = ?", (event["id"],)).fetchone():
        return
    try:
        asset = await kadr.assets.get(event["object"]["id"])  # as it is now, whatever the event's age
    except ApiError as error:
        if error.code == "not_found":  # it has been deleted meanwhile
            return
        raise  # 500: Kadr sends the event again
    with db:  # both or neither
        db.execute("INSERT OR IGNORE INTO events VALUES (?)", (event["id"],))
        if asset["ref"] and asset["ref"]["type"] == "lesson":
            video = (int(asset["ref"]["id"]), asset["playback_ids"][0]["id"], asset["title"])
            db.execute("INSERT OR REPLACE INTO videos VALUES (?, ?, ?)", video)


@app.get("/lessons/{lesson}/playback-token")
async def playback_token(lesson: int, viewer: Annotated[str, Depends(viewer)], kadr: KadrClient) -> PlaybackToken:
    """For this viewer and nobody else, with every URL of the video: for an app, say."""
    video = db.execute("SELECT playback_id FROM videos WHERE lesson = ?", (lesson,)).fetchone()
    if video is None:
        raise HTTPException(404, "This lesson has no video yet.")
    return await kadr.playback_tokens.create(video[0], viewer=viewer, max_sessions=2)


@app.get("/lessons/{lesson}", response_class=HTMLResponse)
async def lesson_page(lesson: int, viewer: Annotated[str, Depends(viewer)], kadr: KadrClient) -> str:
    token = await playback_token(lesson, viewer, kadr)
    playback_id, title = db.execute("SELECT playback_id, title FROM videos WHERE lesson = ?", (lesson,)).fetchone()
    return f"""<!doctype html><meta charset="utf-8"><title>{escape(title)}</title>
<h1>{escape(title)}</h1>
<kadr-player playback-id="{playback_id}" token="{token["token"]}" style="max-width: 60rem"></kadr-player>
<script type="module" src="{SITE_URL}/player/1/kadr-player.js"></script>"""
