"""Where one shot ends and the next begins, from how much each frame differs from those before it. Pure."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import numpy.typing as npt

# What a cut changes at least, on the scale of `difference`, and how much more than is usual around it: in a wild shot
# every frame is new. Between two dark shots a cut is small, and then must stand alone in the calm.
LARGE, ABOVE_USUAL = 0.40, 2.5
LEAST, ABOVE_CALM, ALONE = 0.25, 6.0, 2.0
AROUND = 6  # frames to each side
FLASH_S = Fraction(1, 4)  # what was there before comes back within this time: no cut
COMES_BACK = 0.2
SHORTEST_S = Fraction(2, 5)
FLAT = 2.5  # levels of 255: a picture whose light varies less is one colour, as between two fades

Values = npt.NDArray[np.float32]


def difference(palette: Values, grid: Values, palette_before: Values, grid_before: Values) -> float:
    """0 for the same picture, 1 for one that has neither colours nor shapes in common with the other.

    A fade changes all colours and no shape, a camera's move both a little: neither is much here.
    """
    colours = float(np.abs(palette - palette_before).sum()) / 2
    spread = float(grid.std() * grid_before.std())
    correlation = float(((grid - grid.mean()) * (grid_before - grid_before.mean())).mean()) / spread if spread else 1.0
    return 0.4 * colours + 0.6 * (1 - max(0.0, correlation))


class Cuts:
    """Takes frame after frame; `times` are the first frames of new shots."""

    def __init__(self) -> None:
        self._times: list[Fraction] = []
        self._steps: list[float] = []  # against the last frame that shows something
        self._back: list[float] = []  # against a frame FLASH_S earlier
        self._earlier: list[int] = []  # which frame that was
        self._recent: deque[tuple[int, Fraction, Values, Values]] = deque()
        self._shown: tuple[Values, Values] | None = None
        self._flat_since: Fraction | None = None
        self._from_flat: set[int] = set()  # frames in which a picture comes up out of one colour

    def add(self, time_s: Fraction, palette: Values, grid: Values) -> bool:
        """Add a frame by its palette and grid (thumbnails.reframe.importance); whether a shot may begin with it."""
        number = len(self._times)
        step = self._step(time_s, palette, grid)
        while len(self._recent) > 1 and self._recent[1][1] <= time_s - FLASH_S:
            self._recent.popleft()
        back = difference(palette, grid, *self._recent[0][2:]) if self._recent else 0.0
        self._times.append(time_s)
        self._steps.append(step)
        self._back.append(back)
        self._earlier.append(self._recent[0][0] if self._recent else number)
        self._recent.append((number, time_s, palette, grid))
        return step > LEAST or number in self._from_flat

    def _step(self, time_s: Fraction, palette: Values, grid: Values) -> float:
        if float(grid.std()) < FLAT:
            self._flat_since = self._flat_since if self._flat_since is not None else time_s
            return 0.0
        # After black for a while a new shot begins, whatever it shows: nobody sees the window jump.
        if self._flat_since is not None and time_s - self._flat_since >= FLASH_S:
            self._from_flat.add(len(self._times))
        self._flat_since = None
        step = difference(palette, grid, *self._shown) if self._shown else 0.0
        self._shown = (palette, grid)
        return step

    @property
    def last(self) -> Fraction:
        """The time of the newest frame."""
        return self._times[-1]

    def times(self) -> list[Fraction]:
        """The times of the first frame of every shot but the first, sorted."""
        cut_times: list[Fraction] = []
        for number in sorted({*self._jumps(), *self._from_flat}):
            if self._times[number] - (cut_times[-1] if cut_times else self._times[0]) >= SHORTEST_S:
                cut_times.append(self._times[number])
        return cut_times

    def _jumps(self) -> Iterator[int]:
        steps = np.array(self._steps)
        for number in (int(one) for one in np.flatnonzero(steps > LEAST)):
            around = np.concatenate((steps[max(0, number - AROUND) : number], steps[number + 1 : number + 1 + AROUND]))
            usual = float(np.median(around)) if around.size else 0.0
            beside = max((self._steps[at] for at in (number - 1, number + 1) if 0 <= at < len(steps)), default=0.0)
            step = self._steps[number]
            large = step > LARGE and step >= ABOVE_USUAL * usual
            lone = step >= ABOVE_CALM * usual and step >= ALONE * beside
            if (large or lone) and not self._comes_back(number):
                yield number

    def _comes_back(self, number: int) -> bool:
        """Whether a frame soon after looks like one from before this one."""
        later = number + 1
        while later < len(self._times) and self._earlier[later] < number:
            if self._back[later] < COMES_BACK:
                return True
            later += 1
        return False
