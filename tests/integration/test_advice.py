"""Advice for whoever films: for each code a clip that fires it, and nothing else."""

import asyncio
from pathlib import Path

from tests.advised import advised
from tests.catalogue import Titles
from tests.media import generate
from tests.stack import PLAIN, Stack

SECONDS = 3
PICTURE, TONE = f"testsrc2=size=192x108:rate=12:duration={SECONDS}", f"sine=frequency=440:duration={SECONDS}"
# A hand that shakes five times a second, in front of two things, one after the other.
HAND = "crop=192:108:'20+4*sin(2*PI*5*t)':'12+3*cos(2*PI*4*t)'"
THINGS = "testsrc2=size=232x132:rate=25[a];mandelbrot=size=232x132:rate=25[b]"
STILL = f"{THINGS};[a]loop=-1:1:0,trim=duration=4[c];[b]loop=-1:1:0,trim=duration=4[d];[c][d]concat,{HAND}"
CLIPS = {
    "too_short": ("testsrc2=size=192x108:rate=12:duration=1", "sine=frequency=440:duration=1"),
    "dark": (f"{PICTURE},hue=s=0,lutyuv=y='16+(val-16)*0.14'", TONE),
    "silent": (PICTURE, f"anoisesrc=amplitude=0.0004:duration={SECONDS}"),
    "clipped": (PICTURE, f"aevalsrc='max(-1,min(1,9*sin(2*PI*220*t)*sin(9*t)))':duration={SECONDS}"),
    "shaky": (STILL, "sine=frequency=440:duration=8"),
    "letterboxed": (f"testsrc2=size=64x108:rate=12:duration={SECONDS},pad=192:108:64:0", TONE),
}


async def test_each_fault_is_told_and_no_other(stack: Stack, tmp_path: Path) -> None:
    async def told(code: str) -> list[str]:
        file = tmp_path / f"{code}.mp4"
        await asyncio.to_thread(generate, file, *CLIPS[code])
        asset_id = await stack.upload(file, **PLAIN)
        await stack.wait(asset_id, "ready")
        return await advised(stack, asset_id)

    found = await asyncio.gather(*(told(code) for code in CLIPS))
    assert dict(zip(CLIPS, found, strict=True)) == {code: [code] for code in CLIPS}


async def test_nothing_is_said_of_a_usual_title(stack: Stack, title: Titles) -> None:
    assert await advised(stack, (await title("public"))["id"]) == []
