"""`manage.py check --deploy` on the settings of docker-compose.yml: `python -m tests.check_deploy`."""

import os
import subprocess
import sys
from tempfile import TemporaryDirectory

from tests.production import ROOT, compose, filled_in


def main() -> int:
    with TemporaryDirectory() as var:
        settings = compose(filled_in())["services"]["web"]["environment"]
        environment = {"PATH": os.environ["PATH"], **settings, "TILBAKE_VAR": var}
        command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
        return subprocess.run(command, cwd=ROOT, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
