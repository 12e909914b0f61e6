"""What ``sentiprism doctor`` says, asked in the background."""

import json
import subprocess
import threading
from typing import NamedTuple

from sentiprism.sandbox.launch import run

PATIENCE = 120.0
"""Seconds; on a busy machine it imports everything for some twenty."""


class Findings(NamedTuple):
    """What the doctor has found."""

    version: str
    device: str
    missing: tuple[str, ...]
    """Each with its remedy."""


class Health:
    """Asks once, when the studio starts, and again when it is told to."""

    def __init__(self) -> None:
        self.findings: Findings | None = None
        """None until the doctor has answered."""
        self._asking = threading.Lock()

    def ask(self) -> None:
        """Ask in a thread, unless one is asking."""
        threading.Thread(target=self._ask, name="doctor", daemon=True).start()

    def _ask(self) -> None:
        if not self._asking.acquire(blocking=False):
            return
        try:
            _, out, _ = run("sentiprism", "doctor", "--json", timeout=PATIENCE)
            found = json.loads(out)
            devices = found["torch"]["devices"]
            missing = tuple(line for line in found["missing"] if line not in found["optional"])
            self.findings = Findings(found["sentiprism"], devices[-1] if devices else "none", missing)
        except (OSError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
            said = f"sentiprism doctor did not answer ({type(error).__name__}); run it in a terminal"
            self.findings = Findings("", "", (said,))
        finally:
            self._asking.release()
