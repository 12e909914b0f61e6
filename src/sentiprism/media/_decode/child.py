"""The decoding process.

stdin    see `sentiprism.sandbox.follow`
stdout   messages
argv     the task as JSON: {"task": name, "file": descriptor, "limits": {...}, "cpu": seconds, "output_bytes": n, ...}
"""

import json
import os
import signal
import sys
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

from sentiprism.media._decode.messages import Kind, MessageWriter, RefusedError
from sentiprism.sandbox.confine import confine

OUT_OF_MEMORY = "needs more than {:.0f} MB of memory to decode", "scale it down with ffmpeg"


def run(task: dict[str, Any], writer: MessageWriter) -> None:
    """Run the task; all modules are imported before the file is read, since nothing can be opened afterwards."""
    import av

    for module in walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    from sentiprism.media._decode.jpegs import jpegs
    from sentiprism.media._decode.look import look
    from sentiprism.media._decode.pictures import pictures
    from sentiprism.media._decode.samples import samples

    av.logging.set_level(None)
    confine({"NOFILE": 0})
    {"jpegs": jpegs, "look": look, "pictures": pictures, "samples": samples}[task["task"]](task, writer)


def main() -> None:
    """Limit this process, run the task and send its result."""
    task = json.loads(sys.argv[1])
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end when the parent stops reading
    confine(
        {
            "AS": task["limits"]["memory"],
            "CPU": task["cpu"],
            "FSIZE": task["output_bytes"],
            "CORE": 0,
        }
    )
    with open(1, "wb", closefd=False) as stdout:
        writer = MessageWriter(stdout)
        try:
            run(task, writer)
        except RefusedError as error:
            writer.send_json(Kind.REFUSED, list(error.args))
        except MemoryError:
            cause, remedy = OUT_OF_MEMORY
            writer.send_json(Kind.REFUSED, [cause.format(task["limits"]["memory"] / 1e6), remedy])
        except Exception as error:  # report any error to the parent
            writer.send_json(Kind.REFUSED, [f"made its decoder fail ({error!r:.200})", "convert it with ffmpeg"])
    os._exit(0)  # without waiting for threads of decoders


if __name__ == "__main__":
    main()
