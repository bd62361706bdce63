"""All benchmarks, each in a process of its own: `make bench`."""

import subprocess
import sys

NAMES = ("allocations", "lists", "messages", "minimization", "rehearsal", "report")

if __name__ == "__main__":
    codes = [subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode for name in NAMES]
    sys.exit(any(codes))
