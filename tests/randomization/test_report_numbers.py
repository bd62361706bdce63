"""Every number of one small design report, as page and document tell it."""

import re
from html import unescape

import pytest
from django.urls import reverse

from randomization.designs import BlockDesign
from randomization.services import ask_for_report, make_due_reports
from tests.factories import NOW, make_user
from tests.pdfs import text_of

NUMBERS = """
69 % of allocations are guessed right by whoever knows most
27 % can be guessed for certain
2 is the overall imbalance that 95 of 100 lists stay within
0.04 participants are lost to imbalance, on average
71 % of allocations are guessed right by whoever knows most
33 % can be guessed for certain
0 is the overall imbalance that 95 of 100 lists stay within
0.00 participants are lost to imbalance, on average
"""
CELLS = """
Imbalance between the arms
Permuted blocks (4, 6) | Permuted blocks (4)
Overall
mean | 0.46 | 0.00
95th percentile | 2 | 0
reached by one list in 10,000 | 2 | 0
largest possible | 3 | 2
In one stratum
mean | 0.46 | 0.00
95th percentile | 2 | 0
reached by one list in 10,000 | 2 | 0
largest possible | 3 | 2
Lost to imbalance
Permuted blocks (4, 6) | Permuted blocks (4)
Information
mean | 0.16 % | 0.00 %
95th percentile | 0.69 % | 0.00 %
mean, arms compared within strata | 0.16 % | 0.00 %
Participants
mean | 0.04 | 0.00
95th percentile | 0.17 | 0.00
Power instead of 80 %
mean | 79.94 % | 80.00 %
5th percentile | 79.73 % | 80.00 %
Guessing the next arm
Permuted blocks (4, 6) | Permuted blocks (4)
Knows each block's size
correct, over a long list | 69.33 % | 70.83 %
certain, over a long list | 28.33 % | 33.33 %
correct, in this trial | 68.64 % | 70.83 %
certain, in this trial | 26.67 % | 33.33 %
Knows only which sizes may come
correct, over a long list | 69.33 % | –
certain, over a long list | 5.44 % | –
correct, in this trial | 68.64 % | –
certain, in this trial | 5.78 % | –
"""
"""One stratum, 24 participants. Blocks of 4: .7083 and .3333 are the reference file's; .6864, .2667 and .0578
are the often quoted numbers of blocks of 4 and 6 over the first 24 places."""


def written(html):
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html)).split())


def on_page(text):
    """The numbers above, then every cell of the tables below their titles."""
    numbers = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text)
    lines = []
    for title, row in re.findall(r'<h2 id="table-\d">(.*?)</h2>|<tr>(.*?)</tr>', text, re.DOTALL):
        cells = [written(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
        lines.append(title or " | ".join(filter(None, cells)))
    return [f"{written(value)} {written(label)}" for label, value in numbers], lines


def in_document(pdf):
    """The same, by what stands side by side. A page's foot is left out; a long label goes on."""
    lines = []
    for line in filter(None, map(str.strip, text_of(pdf, "-layout").split("\n"))):
        cells = [" ".join(cell.split()) for cell in re.split(r" {2,}", line)]
        if cells == ["strata"]:
            label, *values = lines[-1]
            lines[-1] = [f"{label} strata", *values]
        else:
            lines.append(cells)
    begins, ends = (lines.index([title]) for title in ("Imbalance between the arms", "What is assumed"))
    numbers = [" ".join(cells) for cells in lines[:begins]]
    told = [cells for cells in lines[begins:ends] if len(cells) != 2 or not cells[1].isdigit()]
    tables = [" | ".join(cells) for cells in told]
    return [line for line in numbers if line in NUMBERS.split("\n")], tables


@pytest.mark.django_db
def test_page_and_document_tell_the_numbers_of_the_reference_file(client, tiny):
    statistician = make_user("statistician", trial=tiny)
    designs = [BlockDesign({"talk": 1, "usual": 1}, (), 40, sizes) for sizes in ((4, 6), (4,))]
    report = ask_for_report(trial=tiny, designs=designs, participants=24, by=statistician, now=NOW)
    make_due_reports(now=NOW)
    client.force_login(statistician)
    client.cookies["django_language"] = "en"
    page, document = (
        client.get(reverse(f"randomization:{name}", args=[tiny.slug, report.pk])).content
        for name in ("report", "report_pdf")
    )
    expected = NUMBERS.strip().split("\n"), CELLS.strip().split("\n")
    assert on_page(page.decode()) == expected
    assert in_document(document) == expected
