"""Modules of Unix hidden from this program, as on Windows; libraries, which know what system they are on, keep them."""

from pathlib import Path

NAMES = ("fcntl", "resource")
SHADOW = f"""
import builtins, sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

def ours(space):
    spec = (space or {{}}).get("__spec__")
    return (spec.name if spec else "").startswith("sentiprism")

if not hasattr(builtins, "hides"):
    builtins.hides = builtins.__import__

    def guarded(name, globals=None, *more, **options):
        if name in {NAMES} and ours(globals):
            raise ImportError(f"{{name}} is hidden")
        return builtins.hides(name, globals, *more, **options)

    builtins.__import__ = guarded

frame = sys._getframe(1)
while "importlib" in frame.f_code.co_filename or frame.f_code.co_name == "guarded":
    frame = frame.f_back
if ours(frame.f_globals):
    raise ImportError(f"{{__name__}} is hidden")
spec = PathFinder.find_spec(__name__, [p for p in sys.path if p != __file__.rpartition("/")[0]])
sys.modules[__name__] = module = module_from_spec(spec)
spec.loader.exec_module(module)
"""


def hide(folder: Path) -> Path:
    """A folder that hides them from every process that has it first on its path."""
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.py").write_text(SHADOW)
    return folder
