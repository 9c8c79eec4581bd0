"""How much of a server's throughput the endpoint adapter uses.

The server, in its own process, takes 200 ms for a request and serves 16 at once, so it can answer 80 a second. It
reads each request whole, media and all, and always gives the same answer.

    python scripts/bench/endpoint.py --data mma-bench
    python scripts/bench/endpoint.py --data mma-bench --requests 3200 --option media=frames --option size=224
"""

import argparse
import math
import os
import resource
import subprocess
import sys
from itertools import cycle, islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from mma_bench.console.group import named_options  # noqa: E402
from mma_bench.dataset.load import Sample, load  # noqa: E402
from mma_bench.models import load as load_model  # noqa: E402
from mma_bench.models.endpoint import EndpointModel  # noqa: E402
from mma_bench.models.endpoint.prepare import prepare_parts  # noqa: E402
from scripts.bench.result import Result, add_arguments, save  # noqa: E402
from scripts.bench.turns import Times, timed  # noqa: E402


def serve(delay: float, slots: int) -> tuple[subprocess.Popen[str], str]:
    """Start the server; return its process and address."""
    command = [sys.executable, "-m", "tests.models.endpoint_server", "--constant", "Dog"]
    command += ["--delay", str(delay), "--slots", str(slots)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mma-bench")
    parser.add_argument("--condition", help="stimuli of this condition alone; black frames are small requests")
    parser.add_argument("--requests", type=int, default=1600)
    parser.add_argument("--delay", type=float, default=0.2, help="seconds")
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--option", action="append", default=[], help="option of the model, NAME=VALUE")
    add_arguments(parser, turns=3)
    arguments = parser.parse_args()
    wanted: list[Sample] = []
    for sample in cycle(load(arguments.data, condition=arguments.condition).samples):
        wanted.append(sample)
        if sum(len(taken.questions) for taken in wanted) >= arguments.requests:
            break
    requests = sum(len(sample.questions) for sample in wanted)
    process, place = serve(arguments.delay, arguments.slots)
    try:
        model = load_model(f"openai:bench@{place}/v1", named_options(arguments.option))
        assert isinstance(model, EndpointModel)
        list(model.answer_all(list(islice(wanted, arguments.slots))))  # imports, connections, file cache
        times = Times()
        for _ in range(arguments.turns):
            answered = timed(lambda: sum(len(answers) for _, answers in model.answer_all(wanted)), times)
            assert answered == requests
    finally:
        process.terminate()
        process.wait()
    ideal = math.ceil(requests / arguments.slots) * arguments.delay
    size = sum(len(part.data) for taken in wanted[:20] for part in prepare_parts(taken.media, model.settings)) // 20
    print(
        f"load {os.getloadavg()[0]:.1f}, {len(wanted)} stimuli, {requests} requests, {size / 1e6:.2f} MB of media each"
    )
    print(f"ideal    {ideal:7.2f} s  {requests / ideal:6.1f} requests/s")
    print(f"achieved {times.seconds:7.2f} s  {requests / times.seconds:6.1f} requests/s")
    print(
        f"client's processor time {1000 * times.processor_seconds / requests:.1f} ms per request, "
        f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"
    )
    limit = f"client: {1000 * times.processor_seconds / requests:.1f} ms of processor time per request; aim 0.9"
    shares = [ideal / wall for wall in times.wall]
    save(arguments.json, [Result.value("endpoint", "ideal time / time of all requests", shares, "clock", limit)])


if __name__ == "__main__":
    main()
