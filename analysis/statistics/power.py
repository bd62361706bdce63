"""Sample sizes of the plan."""

from math import ceil, log, sqrt

from scipy.stats import norm


def participants_per_arm(p_1: float, p_2: float, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """Participants per arm that tell proportion `p_1` from `p_2` with a two-sided test: R's
    `power.prop.test`.

    Not rounded; a trial takes the next whole number.
    """
    z_alpha, z_power = norm.ppf(1 - alpha / 2), norm.ppf(power)
    mean = (p_1 + p_2) / 2
    pooled, apart = sqrt(2 * mean * (1 - mean)), sqrt(p_1 * (1 - p_1) + p_2 * (1 - p_2))
    return float(((z_alpha * pooled + z_power * apart) / (p_1 - p_2)) ** 2)


def events_needed(hazard_ratio: float, *, power: float = 0.8, alpha: float = 0.05) -> int:
    """Events over two equally large arms that show `hazard_ratio` by a log-rank test (Schoenfeld 1981)."""
    return ceil(4 * ((norm.ppf(1 - alpha / 2) + norm.ppf(power)) / log(hazard_ratio)) ** 2)
