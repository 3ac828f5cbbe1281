"""What of an upload was survived, left out or mended, as (code, message) for its owner. Pure.

The codes are listed in docs/errors.md. A worker stores them with the asset; `kadr encode` prints them.
"""

from transcode.encode.convert import is_mixed_by_rule
from transcode.plan.encode_plan import AudioPlan, EncodePlan
from transcode.probe.source import Source

Warned = tuple[str, str]
SOURCE_DAMAGED: Warned = ("source_damaged", "Parts of the file could not be read or decoded; what could be is shown.")
NO_AUDIO: Warned = ("no_audio", "The video has no sound.")


def of_source(source: Source) -> tuple[Warned, ...]:
    """What the probe says of damage, what was left out or mended, and audio that cannot be decoded."""
    warnings = [SOURCE_DAMAGED] if source.damaged else []
    if source.unplayable_audio:
        message = f"A sound track is left out: nothing here decodes {', '.join(source.unplayable_audio)}."
        warnings.append(("audio_unsupported", message))
    elif not source.audio:
        warnings.append(NO_AUDIO)
    if unusual := [track.layout for track in source.audio if is_mixed_by_rule(track.channels, track.layout)]:
        warnings.append(("audio_mixed", f"Sound with {', '.join(dict.fromkeys(unusual))} is heard as stereo."))
    return (*warnings, *source.warnings)


def audio_left_out(plan: EncodePlan, track: AudioPlan) -> Warned:
    """That a sound track of a title with video could not be encoded."""
    return "audio_left_out", f"The sound track {plan.audio.index(track) + 1} cannot be encoded and is left out."
