"""What a design leads to before anybody is randomized: balance, what can be guessed, power. Pure numbers.

`report` computes, with SciPy, which takes most of a second to import: it is imported where it is needed.
Everything else that pages use does without.
"""
