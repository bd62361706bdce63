"""Reading a list that was made elsewhere: pure, known to no database, and with every defect at once."""

from randomization.importing.defects import Defect, ListRefused, ListUnusual
from randomization.importing.example import examples
from randomization.importing.reading import ImportedList, read_list
from randomization.importing.words import FactorWords, ListWords, words_of

__all__ = [
    "Defect",
    "FactorWords",
    "ImportedList",
    "ListRefused",
    "ListUnusual",
    "ListWords",
    "examples",
    "read_list",
    "words_of",
]
