"""The tiny protocol as a trial whose list is made elsewhere, and lists for it."""

from tests.factories import make_trial

IMPORTED = {
    'method = "permuted_blocks"': 'method = "imported_list"',
    "block_sizes = [4, 6]": "block_sizes = [4]",
    "places_per_stratum = 40": "places_per_stratum = 4",
}
TWO_PERSONS = {"[randomization]\n": "[randomization]\ntwo_person_seal = true\n"}
STRATA = [
    f"site={site};complaint={complaint}" for site in ("north", "south") for complaint in ("body", "mind")
]
BLOCK = ["talk", "usual", "usual", "talk"]
"""What every stratum of `list_file` holds, over and over."""


def imported_trial(slug="tiny", **changes):
    return make_trial(slug, changes=IMPORTED | changes)


def list_file(*, first=1, last=4, codes=False):
    """A list in our own format, with as many places in each stratum."""
    lines = ["stratum,position,arm" + (",code" if codes else "")]
    for number, stratum in enumerate(STRATA):
        for position in range(first, last + 1):
            line = f"{stratum},{position},{BLOCK[(position - 1) % 4]}"
            lines.append(f"{line},{7 * (100 * number + position)}" if codes else line)
    return "\n".join(lines).encode()


def blinded_files(*, first=1, last=4):
    """The same list as REDCap's blinded table, and its key."""
    table, key = ["redcap_randomization_number,site,complaint"], ["code,arm"]
    for number, (site, complaint) in enumerate(
        (site, complaint) for site in ("north", "south") for complaint in ("body", "mind")
    ):
        for position in range(first, last + 1):
            code = 7 * (100 * number + position)
            table.append(f"{code},{site},{complaint}")
            key.append(f"{code},{BLOCK[(position - 1) % 4]}")
    return "\n".join(table).encode(), "\n".join(key).encode()
