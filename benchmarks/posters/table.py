"""The results of the thumbnail benchmark as text for people. Pure."""

from typing import Any

MB = 1e6


def tables(result: dict[str, Any]) -> str:
    parts = []
    if "ways" in result:
        parts.append(_ways(result))
    if "faces" in result:
        parts.append(_faces(result["faces"]))
    if "joined" in result:
        parts.append(_joined(result))
    if "cost" in result:
        parts.append(_cost(result["cost"]))
    if "trade" in result:
        parts.append(_trade(result["trade"]))
    if "sheets" in result:
        parts.append(_sheets(result["sheets"]))
    return "\n\n".join(parts)


def _rate(found: dict[str, float] | None) -> str:
    """Per cent, and from where to where it may really be."""
    if found is None:
        return f"{'-':>20}"
    return f"{found['value'] * 100:>6.1f} ({found['low'] * 100:>5.1f}-{found['high'] * 100:>5.1f})"


def _ways(result: dict[str, Any]) -> str:
    lines = [
        f"{result['videos']} planted videos ({result['seeds']} seeds, {result['material']}), {result['seconds']} s, "
        f"profile {result['profile']}; per cent with 95 % intervals",
        f"{'':<14}{'hit@1':>20}{'hit@5':>20}{'defect@1':>20}{'CPU s/min':>10}{'wall':>7}{'RSS MB':>8}  defects",
    ]
    for name, found in result["ways"].items():
        line = f"{name:<14}{_rate(found['hit_1']):>20}{_rate(found.get('hit_5')):>20}{_rate(found['defect_1']):>20}"
        if "cpu_s_per_minute" in found:
            defects = ", ".join(f"{kind} {count}" for kind, count in found["defects"].items())
            line += f"{found['cpu_s_per_minute']:>10.2f}{found['wall_s_per_minute']:>7.2f}"
            line += f"{found['peak_rss_bytes'] / MB:>8.0f}  {defects}"
        lines.append(line)
    return "\n".join(lines + _goals(result["goals"]))


def _faces(ways: dict[str, dict[str, Any]]) -> str:
    lines = [f"{'faces in frames':<16}{'found':>12}{'invented':>12}{'CPU ms':>8}"]
    for name, row in ways.items():
        found, invented = (f"{row[a]} of {row[b]}" for a, b in (("found", "with_face"), ("invented", "without_face")))
        lines.append(f"{name:<16}{found:>12}{invented:>12}{row['cpu_ms']:>8.1f}")
    return "\n".join(lines)


def _joined(result: dict[str, Any]) -> str:
    joined = result["joined"]
    lines = [
        f"{joined['films']} films of {joined['clips']} real clips ({result['seeds']} seeds), one good stretch of four, "
        f"profile {result['profile']}; per cent with 95 % intervals",
        f"{'':<14}{'hit@1':>20}  chosen in its place",
    ]
    for name, found in joined["ways"].items():
        chosen = ", ".join(f"{kind} {count}" for kind, count in found["chosen"].items())
        lines.append(f"{name:<14}{_rate(found['hit_1']):>20}  {chosen}")
    return "\n".join(lines + _goals(result["goals"]))


def _goals(goals: dict[str, bool]) -> list[str]:
    return [f"{'met' if met else 'NOT met':>8}: {goal.replace('_', ' ')}" for goal, met in goals.items()]


def _cost(rows: list[dict[str, Any]]) -> str:
    lines = ["ten minutes of 1080p, medians", f"{'GOP s':>6}{'CPU s':>8}{'wall s':>8}{'RSS MB':>8}"]
    lines += [
        f"{row['gop_s']:>6}{row['cpu_s']:>8.2f}{row['wall_s']:>8.2f}{row['peak_rss_bytes'] / MB:>8.0f}" for row in rows
    ]
    return "\n".join(lines)


def _trade(rows: list[dict[str, Any]]) -> str:
    costs = [key for key in rows[0] if key.startswith("ten_minutes_")]
    heads = "".join(f"{'CPU s, GOP ' + key.split('_')[3] + ' s':>16}" for key in costs)
    lines = [
        "less effort: planted videos, and CPU of ten minutes of 1080p",
        f"{'samples':>8}{'refine':>8}{'hit@1':>20}{'hit@5':>20}{'defect@1':>20}{heads}",
    ]
    for row in rows:
        rates = "".join(f"{_rate(row[what]):>20}" for what in ("hit_1", "hit_5", "defect_1"))
        lines.append(f"{row['samples']:>8}{row['refine']:>8}{rates}" + "".join(f"{row[key]:>16.2f}" for key in costs))
    return "\n".join(lines)


def _sheets(rows: list[dict[str, Any]]) -> str:
    lines = ["contact sheets"]
    for row in rows:
        outcome = row.get("error") or ", ".join(f"{time_s:.3f} s" for time_s in row["times_s"]) or "no candidate"
        lines.append(f"{row['clip']:<50} {outcome}" + (f" ({row['fallback']})" if row.get("fallback") else ""))
    return "\n".join(lines)
