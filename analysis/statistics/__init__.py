"""Statistics of the trial as pure functions: numbers in, numbers out, no database, no settings, no clock.

Each function is checked against R in `tests/analysis/`. `report.analyse` puts them together from a
snapshot's files.
"""
