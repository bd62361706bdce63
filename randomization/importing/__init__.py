"""Reading a list that was made elsewhere: pure, known to no database, and with every defect at once."""

from randomization.importing.defects import Defect, ListRefused, ListUnusual
from randomization.importing.example import drawn_file, examples
from randomization.importing.reading import ImportedList, read_list
from randomization.importing.words import FactorWords, ListWords, words_of

__all__ = [
    "Defect",
    "FactorWords",
    "ImportedList",
    "ListRefused",
    "ListUnusual",
    "ListWords",
    "drawn_file",
    "examples",
    "read_list",
    "words_of",
]
