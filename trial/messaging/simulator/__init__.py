"""A stand-in for Twilio that speaks its HTTP API, for demos and tests.

A process of its own, started by `python -m trial.messaging.simulator`. It knows nothing of the product (no
Django, no database); the product knows it only as another address of Twilio's.
"""
