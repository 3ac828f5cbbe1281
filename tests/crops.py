"""Shots and paths of an upright crop, for tests of reframing."""

from fractions import Fraction

from core.media.crop import CropKey, CropKind, CropPath, CropShot
from transcode.plan.encode_plan import Options

SHORT = Options(profile="short-vertical")
SHARE = Fraction(606, 1920)


def still(start_s: Fraction | int, end_s: Fraction | int, x: float = 0.5) -> CropShot:
    key = CropKey(time_s=Fraction(start_s), x=x)
    return CropShot(start_s=Fraction(start_s), end_s=Fraction(end_s), kind=CropKind.STILL, keys=(key,))


def moving(start_s: int, end_s: int, *xs: float) -> CropShot:
    step_s = Fraction(end_s - start_s, len(xs) - 1)
    keys = tuple(CropKey(time_s=start_s + number * step_s, x=x) for number, x in enumerate(xs))
    kind = CropKind.PAN if len(xs) == 2 else CropKind.TRACK
    return CropShot(start_s=Fraction(start_s), end_s=Fraction(end_s), kind=kind, keys=keys)


def padded(start_s: int, end_s: int) -> CropShot:
    return CropShot(start_s=Fraction(start_s), end_s=Fraction(end_s), kind=CropKind.PAD, keys=())


def path(*shots: CropShot, share: Fraction = SHARE) -> CropPath:
    return CropPath(share=share, shots=shots)
