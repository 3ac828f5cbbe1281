"""Damages a media file as transport, editors and attackers do. Pure: content and random numbers in, content out.

By the parts that files consist of (benchmarks.fuzz.parts) damage lands where it matters: sizes, names, counts,
durations, dimensions and time stamps in headers, and not only in compressed pictures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from benchmarks.fuzz.parts import Part, parts

MOST_BYTES = 1 << 20  # of a mutated file
MOST_MUTATIONS = 4
_ORDERS: tuple[Literal["big", "little"], ...] = ("big", "little")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutated:
    """The content after its mutations, and what each of them did, in words."""

    content: bytes
    done: tuple[str, ...]


def mutated(content: bytes, others: Sequence[bytes], random: Random) -> Mutated:
    """Between one and MOST_MUTATIONS mutations, mostly one. `others`: files that parts may come from."""
    done: list[str] = []
    before = content
    count = next((n for n in range(1, MOST_MUTATIONS) if random.random() < 0.5), MOST_MUTATIONS)
    while len(done) < count:
        ways = _OF_PARTS if random.random() < 0.7 and parts(content) else _OF_BYTES
        found = random.choice(ways)(content, others, random)
        if found is None:
            found = _flip(content, others, random)
        content, words = found[0][:MOST_BYTES] or before[:1], found[1]
        done.append(words)
    return Mutated(content=content, done=tuple(done))


# Mutations: (content, other files, random numbers) -> (content, what was done), or None where it cannot be

_Way = Callable[[bytes, Sequence[bytes], Random], tuple[bytes, str] | None]


def _absurd(random: Random, width: int, before: int) -> int:
    """A number that programs get wrong, of `width` bytes."""
    most = (1 << 8 * width) - 1
    known = (0, 1, 2, 3, 255, 256, 65535, 65536, most, most - 1, most // 2, most // 2 + 1, most // 3, 1 << 20, 8192)
    close = (before + 1, before - 1, before * 2, before // 2, before + 0x1000, before * 1000, -before)
    return random.choice((*known, *close, random.randrange(most + 1))) & most


def _place(content: bytes, random: Random) -> int:
    """An offset: anywhere, or where headers are."""
    near = min(len(content), 2048)
    kind = random.random()
    if kind < 0.3:
        return random.randrange(near)
    return len(content) - 1 - random.randrange(near) if kind < 0.5 else random.randrange(len(content))


def _block(content: bytes, random: Random) -> tuple[int, int]:
    at = _place(content, random)
    return at, min(len(content), at + min(1 << random.randrange(16), random.randrange(1, len(content) + 1)))


def _flip(content: bytes, _: Sequence[bytes], random: Random) -> tuple[bytes, str]:
    changed = bytearray(content)
    count = 1 << random.randrange(9)
    for _number in range(count):
        changed[_place(content, random)] ^= 1 << random.randrange(8)
    return bytes(changed), f"{count} bits flipped"


def _overwrite(content: bytes, _: Sequence[bytes], random: Random) -> tuple[bytes, str] | None:
    width = random.choice((1, 2, 3, 4, 8))
    at = _place(content, random)
    return _with_number(content, at, width, random.choice(_ORDERS), random)


def _with_number(
    content: bytes, at: int, width: int, order: Literal["big", "little"], random: Random
) -> tuple[bytes, str] | None:
    if at + width > len(content):
        return None
    value = _absurd(random, width, int.from_bytes(content[at : at + width], order))
    return content[:at] + value.to_bytes(width, order) + content[at + width :], f"{value:#x} written at {at}"


def _cut_end(content: bytes, _: Sequence[bytes], random: Random) -> tuple[bytes, str]:
    at = max(1, _place(content, random))
    return content[:at], f"cut off after {at} bytes"


def _cut_begin(content: bytes, _: Sequence[bytes], random: Random) -> tuple[bytes, str]:
    at = random.randrange(min(len(content), 4096))
    return content[at:], f"the first {at} bytes are missing"


def _delete(content: bytes, _: Sequence[bytes], random: Random) -> tuple[bytes, str]:
    at, end = _block(content, random)
    return content[:at] + content[end:], f"{end - at} bytes deleted at {at}"


def _duplicate(content: bytes, _: Sequence[bytes], random: Random) -> tuple[bytes, str]:
    at, end = _block(content, random)
    times = random.choice((1, 1, 2, 10))
    return content[:at] + content[at:end] * times + content[at:], f"{end - at} bytes at {at} repeated {times} times"


def _swap(content: bytes, _: Sequence[bytes], random: Random) -> tuple[bytes, str]:
    (a, a_end), (b, b_end) = sorted((_block(content, random), _block(content, random)))
    a_end = min(a_end, b)
    swapped = content[:a] + content[b:b_end] + content[a_end:b] + content[a:a_end] + content[b_end:]
    return swapped, f"{a_end - a} bytes at {a} and {b_end - b} at {b} swapped"


def _blank(content: bytes, _: Sequence[bytes], random: Random) -> tuple[bytes, str]:
    at, end = _block(content, random)
    filled = random.choice((bytes(end - at), b"\xff" * (end - at), random.randbytes(end - at)))
    return content[:at] + filled + content[end:], f"{end - at} bytes at {at} overwritten"


def _insert(content: bytes, _: Sequence[bytes], random: Random) -> tuple[bytes, str]:
    at = _place(content, random)
    more = random.choice((random.randbytes(random.randrange(1, 2000)), bytes(random.randrange(1, 70_000))))
    return content[:at] + more + content[at:], f"{len(more)} bytes inserted at {at}"


def _splice(content: bytes, others: Sequence[bytes], random: Random) -> tuple[bytes, str]:
    other = random.choice(others) if others else content
    at, begin = _place(content, random), random.choice((0, _place(other, random)))
    return content[:at] + other[begin:], f"from {at} on another file from its {begin}"


def _append(content: bytes, others: Sequence[bytes], random: Random) -> tuple[bytes, str]:
    other = random.choice((content, random.choice(others) if others else content))
    return content + other, f"a file of {len(other)} bytes appended"


def _in_the_middle(content: bytes, others: Sequence[bytes], random: Random) -> tuple[bytes, str]:
    other = random.choice(others) if others else content
    at = _place(content, random)
    begin, end = _block(other, random)
    return content[:at] + other[begin:end] + content[at + end - begin :], f"{end - begin} bytes of another file at {at}"


def _resize(content: bytes, _: Sequence[bytes], random: Random) -> tuple[bytes, str] | None:
    part = _any(parts(content), random, sized=True)
    if part is None:
        return None
    size = random.choice((0, 1, 4, 7, 8, part.end - part.start, len(content), 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF))
    size += random.choice((0, 0, 1, -1, 8, 100))
    return _with_size(content, part, size), f"size of {part.name!r} at {part.start}: {size}"


def _with_size(content: bytes, part: Part, size: int) -> bytes:
    """The content with another size written in a part's head, as far as it fits there."""
    size = max(0, size)
    end = part.size_at + part.size_bytes
    if part.varying:
        marker = 1 << 7 * part.size_bytes
        written = (marker | min(size, marker - 1)).to_bytes(part.size_bytes, "big")
    else:
        written = min(size, (1 << 8 * part.size_bytes) - 1).to_bytes(part.size_bytes, part.order)
    return content[: part.size_at] + written + content[end:]


def _rename(content: bytes, _: Sequence[bytes], random: Random) -> tuple[bytes, str] | None:
    all_parts = parts(content)
    part, other = _any(all_parts, random, sized=True), _any(all_parts, random, sized=True)
    if part is None or other is None:
        return None
    at = part.start + 4 if not part.varying and part.size_at == part.start else part.start
    same = len(other.name) == len(part.name)
    name = random.choice((other.name if same else random.randbytes(len(part.name)), random.randbytes(len(part.name))))
    return content[:at] + name + content[at + len(name) :], f"{part.name!r} at {part.start} renamed {name!r}"


def _field(content: bytes, _: Sequence[bytes], random: Random) -> tuple[bytes, str] | None:
    """An absurd number in a header: a dimension, a duration, a count, a time."""
    part = _any([one for one in parts(content) if one.small], random)
    if part is None:
        return None
    length = part.end - part.body
    width = min(length, 8) if part.varying and length <= 8 else random.choice((1, 2, 4, 4, 4, 8))
    steps = max(1, min(length, 256) // width)
    done = _with_number(content, part.body + width * random.randrange(steps), width, part.order, random)
    return (done[0], f"{part.name!r} at {part.start}: {done[1]}") if done else None


def _fields(content: bytes, _: Sequence[bytes], random: Random) -> tuple[bytes, str] | None:
    """The same absurd number in many places of a header: a table of sizes, of offsets, of durations."""
    part = _any([one for one in parts(content) if one.small and one.end - one.body >= 16], random)
    if part is None:
        return None
    begin, step = random.choice((0, 8, 12, 16)), random.choice((4, 8, 12))
    value = _absurd(random, 4, random.randrange(1 << 16)).to_bytes(4, part.order)
    changed = bytearray(content)
    for at in range(part.body + begin, part.end - 3, step):
        changed[at : at + 4] = value
    return bytes(changed), f"{part.name!r} at {part.start}: {value.hex()} every {step} bytes"


def _without_part(content: bytes, _: Sequence[bytes], random: Random) -> tuple[bytes, str] | None:
    part = _any(parts(content), random)
    if part is None or part.end - part.start == len(content):
        return None
    return _put(content, part.start, part.end, b"", random), f"{part.name!r} at {part.start} removed"


def _part_again(content: bytes, _: Sequence[bytes], random: Random) -> tuple[bytes, str] | None:
    part = _any(parts(content), random)
    if part is None:
        return None
    times = random.choice((1, 1, 2, 30))
    more = content[part.start : part.end] * times
    return _put(content, part.end, part.end, more, random), f"{part.name!r} at {part.start} {times} times more"


def _parts_swapped(content: bytes, _: Sequence[bytes], random: Random) -> tuple[bytes, str] | None:
    found = parts(content)
    a, b = _any(found, random), _any(found, random)
    if a is None or b is None:
        return None
    a, b = sorted((a, b), key=lambda part: part.start)
    if a.end > b.start:
        return None
    one, other = content[a.start : a.end], content[b.start : b.end]
    swapped = content[: a.start] + other + content[a.end : b.start] + one + content[b.end :]
    return swapped, f"{a.name!r} at {a.start} and {b.name!r} at {b.start} swapped"


def _part_inside(content: bytes, others: Sequence[bytes], random: Random) -> tuple[bytes, str] | None:
    """A part of this file or of another inside one of this."""
    source = random.choice((content, random.choice(others) if others else content))
    part, place = _any(parts(source), random), _any(parts(content), random)
    if part is None or place is None:
        return None
    inside = source[part.start : part.end]
    return _put(content, place.body, place.body, inside, random), f"{part.name!r} put into {place.name!r}"


def _times(content: bytes, _: Sequence[bytes], random: Random) -> tuple[bytes, str] | None:
    """The time stamps of an MPEG-TS file from somewhere on, or one of them, moved (ISO/IEC 13818-1, 2.4.3.7)."""
    starts = [part for part in parts(content) if part.name == b"start"]
    places = [at for part in starts for at in _stamps(content, part)]
    if not places:
        return None
    first = random.randrange(len(places))
    chosen = random.choice((places[first:], places[first : first + 1]))
    shift = random.choice((1 << 32, 1 << 33, 90_000 * 3600, -90_000, 90_000, 45_000 * 60, random.randrange(1 << 33)))
    changed = bytearray(content)
    for at in chosen:
        old = (content[at] >> 1 & 7) << 30 | (content[at + 1] << 7 | content[at + 2] >> 1) << 15
        ticks = (old | content[at + 3] << 7 | content[at + 4] >> 1) + shift & (1 << 33) - 1
        fields = (ticks >> 30 << 1, ticks >> 22, ticks >> 14 & 0xFE, ticks >> 7, ticks << 1 & 0xFE)
        kept = (content[at] & 0xF1, 0, 1, 0, 1)
        changed[at : at + 5] = bytes((new & 0xFF) | old for new, old in zip(fields, kept, strict=True))
    return bytes(changed), f"{len(chosen)} time stamps moved by {shift} ticks"


def _stamps(content: bytes, part: Part) -> list[int]:
    """Where the presentation and decoding time stamps are in a packet that begins a PES packet."""
    at = part.body + 3
    if content[part.body + 2] & 0x20:
        at += 1 + content[at]
    if at + 19 > part.end or content[at : at + 3] != b"\0\0\1":
        return []
    flags = content[at + 7] >> 6
    return [at + 9, at + 14][: {2: 1, 3: 2}.get(flags, 0)]


def _any(found: Sequence[Part], random: Random, *, sized: bool = False) -> Part | None:
    """One of the parts, each name as often as any other: files have more pages and packets than headers."""
    usable = [part for part in found if part.size_bytes] if sized else found
    if not usable:
        return None
    name = random.choice(sorted({part.name for part in usable}))
    return random.choice([part for part in usable if part.name == name])


def _put(content: bytes, start: int, end: int, new: bytes, random: Random) -> bytes:
    """`new` in place of what is between two offsets; most often the sizes of what is around fit again."""
    if random.random() < 0.8:
        more = len(new) - (end - start)
        around = [part for part in parts(content) if part.size_bytes and part.body <= start and part.end >= end]
        for part in around:
            content = _with_size(content, part, _size(content, part) + more)
    return content[:start] + new + content[end:]


def _size(content: bytes, part: Part) -> int:
    written = int.from_bytes(content[part.size_at : part.size_at + part.size_bytes], part.order)
    return written - (1 << 7 * part.size_bytes) if part.varying else written


_OF_BYTES: tuple[_Way, ...] = (
    *(_flip, _overwrite, _cut_end, _cut_begin, _delete, _duplicate, _swap, _blank, _insert),
    *(_splice, _append, _in_the_middle),
)
_OF_PARTS: tuple[_Way, ...] = (
    *(_resize, _rename, _field, _field, _field, _fields, _without_part, _part_again, _parts_swapped, _part_inside),
    _times,
)
