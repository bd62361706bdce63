"""Seconds for a design report, against drawing as many random numbers and doing nothing with them.

`python -m benchmarks.report` simulates minimization, the costliest design, over three factors for 500
participants in 10,000 lists, and blocks of three arms; each participant of each list takes one number for
each factor, one for the arm, and with blocks one for the size. Two arms are computed exactly: their seconds
stand by themselves.
"""

import os
import time
from collections.abc import Callable
from fractions import Fraction

PARTICIPANTS = 500


def seconds(act: Callable[[], object], *, times: int = 3) -> float:
    """The best of so many."""
    measured = []
    for _time in range(times):
        started = time.perf_counter()
        act()
        measured.append(time.perf_counter() - started)
    return min(measured)


def bare(numbers_each: int, lists: int) -> None:
    """NumPy's own stream, in arrays of as many as there are lists."""
    import numpy as np

    chance = np.random.Generator(np.random.PCG64(1))
    for _number in range(PARTICIPANTS * numbers_each):
        chance.random(lists)


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()

    from randomization.assessment.report import assess
    from randomization.assessment.simulation import LISTS
    from randomization.designs import BlockDesign, Factor, MinimizationDesign

    factors = (Factor("site", tuple("abcdefgh")), Factor("sex", ("f", "m")), Factor("age", ("u", "o")))
    two, three = {"new": 1, "usual": 1}, {"new": 1, "old": 1, "usual": 1}
    minimization = MinimizationDesign(two, factors, 500, Fraction(4, 5), "range")
    blocks = BlockDesign(three, factors, 500, (3, 6))
    simulated = (
        ("minimization", minimization, len(factors) + 1),
        ("blocks of three arms", blocks, len(factors) + 2),
    )
    for name, design, numbers in simulated:
        limit = seconds(lambda numbers=numbers: bare(numbers, LISTS))  # type: ignore[misc]
        took = seconds(lambda design=design: assess(design, participants=PARTICIPANTS, seed=1))  # type: ignore[misc]
        print(
            f"report: {name}, {PARTICIPANTS} participants, {LISTS:,} lists: {took:.2f} s, "
            f"bare random numbers {limit:.2f} s: ratio {limit / took:.2f}"
        )
    exact = BlockDesign(two, factors, 500, (4, 6))
    took = seconds(lambda: assess(exact, participants=PARTICIPANTS, seed=1))
    print(f"report: blocks of two arms, {PARTICIPANTS} participants, exact: {took:.2f} s")


if __name__ == "__main__":
    main()
