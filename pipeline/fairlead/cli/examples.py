"""What each command is like, by example: the last thing that its help says. Knows nothing of what they do.

A test parses every line as a shell and the command line do, so none of them can go stale.
"""

from __future__ import annotations

from collections.abc import Mapping

import click

_ROW = "llama-3-70b/chat-c8/ams/acme/main/neutral/1.0.0"

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "demo": ("fairlead demo --out /tmp/demo",),
    "check": (
        "fairlead check",
        "fairlead check providers/acme.yaml",
        "fairlead check --base origin/main  # as a pull request is checked",
    ),
    "format": ("fairlead format", "fairlead format --check"),
    "new provider": (
        "fairlead new provider acme  # asks, at a terminal",
        "fairlead new provider acme --name Acme --url https://api.acme.example/v1 --key-env ACME_KEY \\\n"
        '    --model llama-3-70b --api-model llama-3-70b-instruct --contact "Ada Example=ada:4321"',
    ),
    "new proposal": (
        "fairlead new proposal lower-limit --kind methodology --methodology-version 1.1.0 \\\n"
        '    --title "A lower limit for failures" --by ada:4321',
    ),
    "new dispute": (
        f"fairlead new dispute --row {_ROW} --rule WIN012 \\\n"
        "    --evidence https://example.org/analysis --by ada:4321 --no-interest \\\n"
        '    --reason "Chunks are missing."',
    ),
    "reference": (
        "fairlead reference --port 8377 --ttft-ms 200 --icl-ms 10",
        "fairlead reference --truncated 0.1 --log sent.jsonl",
    ),
    "doctor": (
        "fairlead doctor --url http://127.0.0.1:8377/v1 --model reference",
        "fairlead doctor --url https://api.acme.example/v1 --model llama-3-70b-instruct \\\n"
        "    --key-env ACME_KEY --scenario chat-c8",
    ),
    "calibrate": (
        "fairlead calibrate --concurrency 64",
        "fairlead calibrate --rate 50  # an open loop, its requests at random times",
        "fairlead calibrate  # the highest concurrency that this machine can be trusted at",
    ),
    "measure": (
        "fairlead measure acme/2026-03-04-launch",
        "fairlead measure --url http://127.0.0.1:8377/v1 --model reference --concurrency 8 --requests 80",
        "fairlead measure --url http://127.0.0.1:8377/v1 --model reference --sweep 1,4,16,64",
        "fairlead measure --neutral llama-3-70b --vantage ams --scenario chat-c8 --rounds 24",
    ),
    "register": (
        "fairlead register acme --model llama-3-70b --vantage ams --slug launch --github alice:1234",
    ),
    "submit": ('fairlead submit acme/2026-03-04-launch --accelerator "Example X1" --precision fp8',),
    "rerun": (
        "fairlead rerun acme/2026-03-04-launch --by rika:900",
        "fairlead rerun acme/2026-03-04-launch --by rika:900 --rounds 1  # one job of a series",
    ),
    "import llmperf": ("fairlead import llmperf llmperf-leaderboard --root /tmp/2023",),
    "import vllm": ("fairlead import vllm result.json --endpoint acme/main --model llama-3-70b",),
    "import guidellm": ("fairlead import guidellm benchmarks.json --endpoint acme/main --model llama-3-70b",),
    "import aiperf": ("fairlead import aiperf artifacts --endpoint acme/main --model llama-3-70b",),
    "import inference-perf": (
        "fairlead import inference-perf reports --endpoint acme/main --model llama-3-70b",
    ),
    "import mlperf-endpoints": (
        "fairlead import mlperf-endpoints reports --endpoint acme/main --model llama-3-70b "
        "--began 2026-03-04T05:06:07Z",
    ),
    "export": ("fairlead export /tmp/tables", "fairlead export /tmp/tables --format csv --model llama-3-70b"),
    "audit": (
        "fairlead audit llmperf-leaderboard/published.csv --root /tmp/2023",
        "fairlead audit llmperf-leaderboard/published.csv --root /tmp/2023 --record",
    ),
    "verdict": ("fairlead verdict acme/2026-03-04-launch",),
    "rank": ("fairlead rank --model llama-3-70b", "fairlead rank --json"),
    "explain": (
        "fairlead rank --json  # names the rows",
        f"fairlead explain {_ROW} --figure ttft_p50_ms",
    ),
    "impact": ("fairlead impact 0002", "fairlead impact --base origin/main"),
    "tally": (
        "fairlead tally 0002",
        "fairlead tally 0002 --fetch --repository fairlead-example/board",
        "fairlead tally --every",
    ),
    "conflicts": ("fairlead conflicts", "fairlead conflicts --person ada"),
    "simulate coverage": ("fairlead simulate coverage --providers 200",),
    "simulate comparison": ("fairlead simulate comparison --boards 500",),
    "simulate verdict": ("fairlead simulate verdict --submissions 200",),
    "simulate integrity": ("fairlead simulate integrity --submissions 20 --forged 5",),
    "build": ("fairlead build --out build/site", "fairlead build --verify SHA256SUMS"),
    "serve": ("fairlead serve --port 8000",),
    "snapshot": ("fairlead snapshot 2026-Q3",),
    "rounds": ("fairlead rounds", "fairlead rounds --github"),
    "land": ('fairlead land submissions/neutral --message "Measure neutral rounds"',),
    "review": ("fairlead review", "fairlead review --links"),
    "codeowners": ("fairlead codeowners --check",),
    "comment": (
        "fairlead check --json | fairlead comment - --repository fairlead-example/board \\\n"
        "    --head 0123456789abcdef0123456789abcdef01234567 --print",
    ),
    "archive": (
        "fairlead archive /mnt/archive",
        "fairlead archive s3://bucket/board  # S3, or what speaks like it (AWS_ENDPOINT_URL)",
        "fairlead archive https://raw.example.org  # files that are there already: it can only be read",
    ),
    "completion": (
        'eval "$(fairlead completion bash)"  # for this shell; in ~/.bashrc for every one',
        "fairlead completion fish > ~/.config/fish/completions/fairlead.fish",
    ),
}


def show_examples(group: click.Group, above: str = "") -> None:
    """Let each command below a group end its help with its examples."""
    for name, command in group.commands.items():
        path = f"{above}{name}"
        lines = EXAMPLES.get(path)
        if lines is not None:
            text = "\n".join(lines).replace("\n", "\n  ")
            command.epilog = f"\b\nExamples:\n  {text}"
        if isinstance(command, click.Group):
            show_examples(command, f"{path} ")
