"""What every process waits for before it does anything: a web worker, a task, a command."""

import os
import subprocess
import sys

LOAD = """
import sys
import django; django.setup()
import trial.config.celery, trial.config.urls
print(*sorted({"matplotlib", "numpy", "pandas", "scipy", "statsmodels"} & sys.modules.keys()))
"""


def test_no_process_loads_what_only_statistics_need():
    started = subprocess.run(
        [sys.executable, "-c", LOAD],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert started.stdout.split() == []
