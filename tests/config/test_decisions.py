import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))


def test_decisions_are_numbered_from_one_without_gap_and_by_their_headings():
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    for path in DECISIONS:
        assert path.read_text().startswith(f"# {int(path.name[:4])}. ")


def test_a_reference_to_a_decision_leads_to_it_and_names_its_number():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for number, name in re.findall(r"\[ADR (\d+)\]\((?:[^)]*/)?([^)/]+\.md)\)", page.read_text()):
            assert name in {path.name for path in DECISIONS}, f"{page.name}: {name}"
            assert int(number) == int(name[:4]), f"{page.name}: {name}"
