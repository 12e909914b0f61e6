"""Load on a server of a model: many clients with small requests; errors, times and memory of its processes.

python benchmarks/serve.py --minutes 30 --clients 200

Times include the wait for other clients, since the queue is full all the time.
"""

import argparse
import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException

import numpy as np
import psutil

BODY = json.dumps({"samples": [{"text": "I really liked the ending."}]})
LINE = "{minute:6.1f} min {count:8d} requests {errors:4d} errors  p50 {p50:6.0f} ms  p95 {p95:6.0f} ms {memory:7.0f} MB"


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def wait_ready(started: subprocess.Popen[bytes], port: int) -> None:
    """Wait until the model is loaded."""
    while True:
        connection = HTTPConnection("127.0.0.1", port)
        try:
            connection.request("GET", "/ready")
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            pass
        finally:
            connection.close()
        if started.poll() is not None:
            sys.exit("the server has ended")
        time.sleep(0.5)


def ask(port: int, last: float) -> tuple[list[float], int]:
    """Send requests one after another until a moment; their times in milliseconds, and how many failed."""
    times, errors = [], 0
    connection = HTTPConnection("127.0.0.1", port)
    while time.monotonic() < last:
        begun = time.monotonic()
        try:
            connection.request("POST", "/v1/predict", BODY, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            reply.read()
            errors += reply.status != 200
        except (OSError, HTTPException):
            errors += 1
            connection.close()
        times.append(1000 * (time.monotonic() - begun))
    connection.close()
    return times, errors


def memory(server: psutil.Process) -> float:
    """Resident megabytes of the server and its workers."""
    return float(sum(one.memory_info().rss for one in (server, *server.children(recursive=True))) / 1e6)


def main() -> None:
    """Print a line each half minute."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--minutes", type=float, default=30.0)
    given.add_argument("--clients", type=int, default=200)
    given.add_argument("--model", default="starter")
    chosen = given.parse_args()
    port = free_port()
    command = [sys.executable, "-m", "sentiprism", "serve", "--model", chosen.model, "--port", str(port)]
    with subprocess.Popen([*command, "--asr", "none"]) as started, ThreadPoolExecutor(chosen.clients) as pool:
        wait_ready(started, port)
        begun, count, errors = time.monotonic(), 0, 0
        while (passed := time.monotonic() - begun) < 60 * chosen.minutes:
            last = time.monotonic() + min(30.0, 60 * chosen.minutes - passed)
            found = list(pool.map(ask, [port] * chosen.clients, [last] * chosen.clients))
            times = np.concatenate([one for one, _ in found])
            count, errors = count + len(times), errors + sum(failed for _, failed in found)
            p50, p95 = np.percentile(times, [50, 95])
            print(
                LINE.format(
                    minute=(time.monotonic() - begun) / 60,
                    count=count,
                    errors=errors,
                    p50=p50,
                    p95=p95,
                    memory=memory(psutil.Process(started.pid)),
                ),
                flush=True,
            )
        started.terminate()
    sys.exit(bool(errors))


if __name__ == "__main__":
    main()
