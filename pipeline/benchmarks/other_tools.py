"""Other load tools: installed, run and read as they come. Knows nothing of our own client; judges nothing.

Each tool has an environment of its own under ``build/bench-envs``, made once from the package index. Each is
run with its own defaults, but for what the load needs, and gets the prompts that our client gets. No model is
fetched: they count tokens with a small tokenizer made here, laid down as the hub's cache lays it.

What each stores of a request by default, and so what can be held against the reference's log. All can
be matched request by request:

* aiperf: time to first token and every gap between chunks, as durations; the request by its payload, whose
  digest is that of the body. Hidden: the moment of a chunk (only raw export, which costs more, has it).
* guidellm: the moments of the first and the last token, on the wall clock; the request by the response's id.
  Hidden: every gap between tokens; its inter-token figures are means of whole requests.
* inference-perf: the moment of every chunk, on the clock that the reference uses; the request by the
  response's id. Its record of single requests is off by default and is switched on here.
* vllm: the moment of the send, and from there every event, on the clock that the reference uses; the request
  by its body, which is put together again from its prompt. Its default are completions, not chats. Of what it
  asks for, only what its load generator imports is installed, without accelerator's kernels.

The processor time is that of all the tool's processes between the arrival of the first request and the end of
the last response. So neither the start nor what it does afterwards (parsing, reports) counts, which favours
it: our own figure has both. It is read off ``/proc`` in ticks of 10 ms a process, so it is coarse where few
tokens flow. Memory is the highest sum of proportional set sizes, in which shared pages count once.

Run, to write down anew what the tests read: ``python pipeline/benchmarks/other_tools.py FOLDER``
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from environments import ENVIRONMENTS, UnavailableError, last_line, make
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from fairlead.measure import workload
from fairlead.measure.plan import Plan
from fairlead.measure.reference import start_reference
from fairlead.measure.truth import LoggedRequest, ReferenceProfile

INSTALL_S = 1800
RUN_S = 180
SAMPLE_S = 0.1
SAMPLES_A_MEMORY = 10  # it costs the process read more than its times do

REPOSITORY = "fairlead/reference"  # the tokenizer's name in the hub's cache
REVISION = "0" * 40


@dataclass(frozen=True)
class Seen:
    """What a client says of one request.

    ``key``: the digest of its body, or the id that the response bore. ``ttft_ns``: from what the client
    holds to be the start. ``tokens``: content chunks; 0 where it failed. ``gaps_ns``: between them; None
    where the client keeps none. ``first_ns``: the first one's moment on the reference's clock; None where
    the client does not tell.
    """

    key: str
    ttft_ns: int
    tokens: int
    gaps_ns: list[int] | None
    first_ns: int | None


@dataclass(frozen=True)
class Sample:
    """What a tool's processes had used at ``at_ns`` of the monotonic clock. Memory is not read each time."""

    at_ns: int
    cpu_s: float
    memory_mb: float | None


@dataclass(frozen=True)
class Load:
    """What a tool is to do, and the folder for all that it reads and writes."""

    url: str  # without the API's version
    model: str
    streams: int
    requests: int
    folder: Path

    @property
    def tokenizer(self) -> Path:
        name = f"models--{REPOSITORY.replace('/', '--')}"
        return self.folder / "hub" / "hub" / name / "snapshots" / REVISION


@dataclass(frozen=True)
class Tool:
    """One of the tools. ``least``: the oldest Python that it runs on. ``files``: what ``read`` reads."""

    name: str
    version: str
    least: tuple[int, int]
    remark: str
    command: Callable[[Load], list[str]]
    read: Callable[[Path], list[Seen]]
    files: tuple[str, ...]
    imports: tuple[
        str, ...
    ] = ()  # where given: what it imports for a load, and nothing else that it asks for


# --- aiperf --------------------------------------------------------------------------------------------


def aiperf_command(load: Load) -> list[str]:
    lines = [json.dumps({"text": text}) + "\n" for text in _prompts(load.folder)]
    (load.folder / "input.jsonl").write_text("".join(lines), "utf-8")
    # fmt: off
    return [
        "profile", "--model", load.model, "--url", load.url, "--endpoint-type", "chat", "--streaming",
        "--tokenizer", REPOSITORY, "--concurrency", str(load.streams), "--request-count", str(load.requests),
        "--input-file", str(load.folder / "input.jsonl"), "--custom-dataset-type", "single_turn",
        "--artifact-dir", str(load.folder), "--ui", "none", "--no-gpu-telemetry", "--no-server-metrics",
    ]
    # fmt: on


def read_aiperf(folder: Path) -> list[Seen]:
    keys = {}
    for session in json.loads((folder / "inputs.json").read_bytes())["data"]:
        body = json.dumps(session["payloads"][0], ensure_ascii=False, separators=(",", ":"))
        keys[session["session_id"]] = hashlib.sha256(body.encode()).hexdigest()
    seen = []
    for line in (folder / "profile_export.jsonl").read_text("utf-8").splitlines():
        record = json.loads(line)
        key, metrics = keys[record["metadata"]["conversation_id"]], record["metrics"]
        if "time_to_first_token" not in metrics:
            seen.append(Seen(key, 0, 0, None, None))
            continue
        gaps = [round(ms * 1e6) for ms in metrics.get("inter_chunk_latency", {"value": []})["value"]]
        ttft_ns = round(metrics["time_to_first_token"]["value"] * 1e6)
        seen.append(Seen(key, ttft_ns, len(gaps) + 1, gaps, None))
    return seen


# --- guidellm ------------------------------------------------------------------------------------------


def guidellm_command(load: Load) -> list[str]:
    lines = [json.dumps({"prompt": text}) + "\n" for text in _prompts(load.folder)]
    (load.folder / "input.jsonl").write_text("".join(lines), "utf-8")
    # fmt: off
    return [
        "run", "--backend", f"kind=openai_http,target={load.url},model={load.model},validate_backend=false",
        "--profile", f"kind=concurrent,streams={load.streams}",
        "--constraint", f"kind=max_requests,count={load.requests}",
        "--tokenizer", f"kind=hf_auto,model={load.tokenizer}",
        "--data", f"kind=json_file,path={load.folder / 'input.jsonl'}",
        "--output", f"kind=json,path={load.folder / 'guidellm.json'}", "--disable-console",
    ]
    # fmt: on


def read_guidellm(folder: Path) -> list[Seen]:
    requests = json.loads((folder / "guidellm.json").read_bytes())["benchmarks"][0]["requests"]
    seen = []
    for request in requests["successful"]:
        timings = request["info"]["timings"]
        ttft_s = timings["first_token_iteration"] - timings["request_start"]
        seen.append(
            Seen(request["response_id"], round(ttft_s * 1e9), timings["token_iterations"], None, None)
        )
    return seen


# --- inference-perf ------------------------------------------------------------------------------------


def inference_perf_command(load: Load) -> list[str]:
    # It takes conversations of two messages at least, and its other sources of chats have no length.
    talks = [
        {"conversations": [{"from": "human", "value": text}, {"from": "human", "value": "Go on."}]}
        for text in _prompts(load.folder)
    ]
    (load.folder / "input.json").write_text(json.dumps(talks), "utf-8")
    stage = {"num_requests": load.requests, "concurrency_level": load.streams}
    settings = {
        "api": {"type": "chat", "streaming": True},
        "data": {"type": "shareGPT", "path": str(load.folder / "input.json")},
        # Its default of 100 a worker would hold the rest of the streams back.
        "load": {"type": "concurrent", "stages": [stage], "worker_max_concurrency": load.streams},
        "server": {"type": "vllm", "model_name": load.model, "base_url": load.url},
        "tokenizer": {"pretrained_model_name_or_path": str(load.tokenizer)},
        "report": {"request_lifecycle": {"summary": True, "per_stage": False, "per_request": True}},
        "storage": {"local_storage": {"path": str(load.folder)}},
    }
    (load.folder / "config.yaml").write_text(json.dumps(settings), "utf-8")  # JSON is YAML
    return ["-c", str(load.folder / "config.yaml")]


def read_inference_perf(folder: Path) -> list[Seen]:
    seen = []
    for request in json.loads((folder / "per_request_lifecycle_metrics.json").read_bytes()):
        metrics = request["info"]["response_metrics"]
        if request["error"] is not None or not metrics["chunk_times"]:
            continue
        stamps = [round(at_s * 1e9) for at_s in metrics["chunk_times"]]
        key = json.loads(metrics["response_chunks"][0])["id"]
        ttft_ns = stamps[0] - round(request["start_time"] * 1e9)
        gaps = [b - a for a, b in itertools.pairwise(stamps)]
        seen.append(Seen(key, ttft_ns, len(stamps), gaps, stamps[0]))
    return seen


# --- vllm ----------------------------------------------------------------------------------------------


def vllm_command(load: Load) -> list[str]:
    lines = [json.dumps({"prompt": text}) + "\n" for text in _prompts(load.folder)]
    (load.folder / "input.jsonl").write_text("".join(lines), "utf-8")
    # fmt: off
    return [
        "bench", "serve", "--base-url", load.url, "--model", load.model, "--tokenizer", str(load.tokenizer),
        "--dataset-name", "custom", "--dataset-path", str(load.folder / "input.jsonl"), "--disable-shuffle",
        "--skip-chat-template", "--num-prompts", str(load.requests), "--request-rate", "inf",
        "--max-concurrency", str(load.streams), "--disable-tqdm", "--ready-check-timeout-sec", "0",
        "--save-result", "--save-detailed", "--result-dir", str(load.folder),
        "--result-filename", "vllm.json",
    ]
    # fmt: on


def read_vllm(folder: Path) -> list[Seen]:
    result = json.loads((folder / "vllm.json").read_bytes())
    seen = []
    columns = (result[name] for name in ("start_times", "ttfts", "itls", "errors"))
    for text, start_s, ttft_s, itls, error in zip(_prompts(folder), *columns, strict=True):
        body = json.dumps(vllm_body(result["model_id"], text))
        key = hashlib.sha256(body.encode()).hexdigest()
        if error or not ttft_s:
            seen.append(Seen(key, 0, 0, None, None))
            continue
        gaps = [round(gap_s * 1e9) for gap_s in itls]
        first_ns = round((start_s + ttft_s) * 1e9)
        seen.append(Seen(key, round(ttft_s * 1e9), len(gaps) + 1, gaps, first_ns))
    return seen


def vllm_body(model: str, prompt: str) -> dict[str, object]:
    """What vLLM asks for a prompt, which its result does not hold."""
    return {
        "model": model,
        "prompt": prompt,
        "repetition_penalty": 1.0,
        "max_tokens": 256,
        "logprobs": None,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


# --- the table -----------------------------------------------------------------------------------------

VLLM_IMPORTS = (
    *(
        "torch==2.14.0",
        "transformers<5.21",
        "aiohttp",
        "regex",
        "pandas",
        "datasets",
        "msgspec",
        "cloudpickle",
    ),
    *("psutil", "cachetools", "sentencepiece", "py-cpuinfo", "blake3", "pyzmq", "openai", "fastapi<0.137"),
    *(
        "uvloop",
        "prometheus_client",
        "prometheus-fastapi-instrumentator",
        "tiktoken",
        "gguf",
        "einops",
        "cbor2",
    ),
    *("pybase64", "python-json-logger", "setproctitle", "oss-harmony", "anthropic", "mcp<3", "pillow"),
    *("partial-json-parser", "mistral_common[image]", "jsonschema", "compressed-tensors==0.17.0", "ijson"),
    *("orjson", "lark==1.2.2", "opencv-python-headless", "depyf==0.20.0", "watchfiles", "xgrammar==0.2.8"),
    *("model-hosting-container-standards<1", "llguidance<1.8"),
)

TOOLS = (
    Tool(
        "aiperf",
        "0.13.0",
        (3, 10),
        "about 1 GB",
        aiperf_command,
        read_aiperf,
        ("inputs.json", "profile_export.jsonl"),
    ),
    Tool(
        "guidellm",
        "0.8.1",
        (3, 10),
        "with PyTorch about 6 GB",
        guidellm_command,
        read_guidellm,
        ("guidellm.json",),
    ),
    Tool(
        "inference-perf",
        "0.7.0",
        (3, 12),
        "about 1 GB",
        inference_perf_command,
        read_inference_perf,
        ("per_request_lifecycle_metrics.json",),
    ),
    Tool(
        "vllm",
        "0.33.0",
        (3, 10),
        "with PyTorch about 7 GB",
        vllm_command,
        read_vllm,
        ("prompts.json", "vllm.json"),
        VLLM_IMPORTS,
    ),
)


# --- environments --------------------------------------------------------------------------------------


def install(tool: Tool, environments: Path = ENVIRONMENTS) -> Path:
    """The tool's program, in its own environment, which is made where it is not there in this version.

    Raises:
        UnavailableError: it cannot be had here.
    """
    if not Path("/proc/self/smaps_rollup").exists():
        raise UnavailableError("its processes are accounted by Linux's /proc, which is not here")
    pins = [f"{tool.name}=={tool.version}"]
    bare = pins if tool.imports else []
    folder = environments / tool.name
    made = make(
        folder,
        tool.imports or pins,
        tool.remark,
        within_s=INSTALL_S,
        python=lambda: _python(tool.least),
        bare=bare,
    )
    return made / "bin" / tool.name


def _python(least: tuple[int, int]) -> str:
    """A Python that is new enough: this one, else one on PATH, else one of pyenv's."""
    if sys.version_info >= least:
        return sys.executable
    named = [f"python3.{minor}" for minor in range(least[1], least[1] + 3)]
    versions = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    kept = [
        str(path) for name in named for path in versions.glob(f"{name.removeprefix('python')}.*/bin/python")
    ]
    for candidate in (*filter(None, map(shutil.which, named)), *kept):
        found = subprocess.run([candidate, "-c", ""], check=False, capture_output=True)
        if found.returncode == 0:  # a version manager's stand-in is there even where the version is not
            return candidate
    raise UnavailableError(f"it needs Python {least[0]}.{least[1]} or newer, and none was found")


# --- a run ---------------------------------------------------------------------------------------------


def run(
    tool: Tool, plan: Plan, folder: Path, core: int | None, environments: Path = ENVIRONMENTS
) -> tuple[list[Seen], list[Sample]]:
    """The load of ``plan`` by ``tool``, its processes kept to ``core``.

    Raises:
        UnavailableError: it failed, did not end, or its files cannot be read.
    """
    program = install(tool, environments)
    load = Load(plan.url.removesuffix("/v1"), plan.model, plan.concurrency, plan.requests, folder)
    _write_prompts(load, plan)
    _write_tokenizer(load)
    offline = {"HF_HOME": str(folder / "hub"), "HF_HUB_OFFLINE": "1", "NO_PROXY": "127.0.0.1"}
    output = folder / "output.txt"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [str(program), *tool.command(load)],
            env={**os.environ, **offline},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
        )
        samples = _watch(process)
    if process.returncode != 0:
        raise UnavailableError(f"it failed: {last_line(output.read_text('utf-8', 'replace'), '^ERROR')}")
    try:
        return tool.read(folder), samples
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UnavailableError(f"its files cannot be read: {type(error).__name__}: {error}") from None


def _write_prompts(load: Load, plan: Plan) -> None:
    texts = [workload.ask(plan.workload(), plan.seed, i).text for i in range(plan.requests)]
    (load.folder / "prompts.json").write_text(json.dumps(texts), "utf-8")


def _prompts(folder: Path) -> list[str]:
    texts: list[str] = json.loads((folder / "prompts.json").read_bytes())
    return texts


def _write_tokenizer(load: Load) -> None:
    """A small byte-level BPE of the prompts, where the hub's cache would have it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=1200, show_progress=False, special_tokens=["<end>"], initial_alphabet=alphabet
    )
    tokenizer.train_from_iterator(_prompts(load.folder)[:20], trainer)
    load.tokenizer.mkdir(parents=True)
    tokenizer.save(str(load.tokenizer / "tokenizer.json"))
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<end>"}
    (load.tokenizer / "tokenizer_config.json").write_text(json.dumps(about), "utf-8")
    refs = load.tokenizer.parents[1] / "refs"
    refs.mkdir()
    (refs / "main").write_text(REVISION, "utf-8")


def _watch(process: subprocess.Popen[bytes]) -> list[Sample]:
    """Wait for the process, and look at what it and its descendants use meanwhile."""
    samples: list[Sample] = []
    end_ns = time.monotonic_ns() + RUN_S * 1_000_000_000
    try:
        while process.poll() is None:
            if time.monotonic_ns() > end_ns:
                raise UnavailableError(f"it did not end within {RUN_S} s")
            samples.append(_sample(process.pid, memory=len(samples) % SAMPLES_A_MEMORY == 0))
            time.sleep(SAMPLE_S)
    finally:
        with contextlib.suppress(ProcessLookupError):  # what it left behind, too
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return samples


def _sample(session: int, *, memory: bool) -> Sample:
    ticks, kilobytes = 0, 0
    for pid, used in _family(session):
        ticks += used
        if memory:
            kilobytes += _proportional_kb(pid)
    at_ns = time.monotonic_ns()
    return Sample(at_ns, ticks / os.sysconf("SC_CLK_TCK"), kilobytes * 1024 / 1e6 if memory else None)


def _family(session: int) -> Iterator[tuple[int, int]]:
    """(pid, ticks used by it and by the children that it has waited for) of the session's processes."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:  # gone meanwhile
            continue
        if int(fields[3]) == session:
            yield int(path.parent.name), sum(map(int, fields[11:15]))


def _proportional_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def cpu_while_loaded(samples: list[Sample], log: list[LoggedRequest]) -> float:
    """Seconds of processor time between the first request's arrival and the last response's end, linear
    between samples.

    Raises:
        UnavailableError: there was no request.
    """
    if not log:
        raise UnavailableError("it sent nothing")
    first_ns = min(entry.received_ns for entry in log)
    last_ns = max(entry.end_ns or entry.received_ns for entry in log)
    return _used_at(samples, last_ns) - _used_at(samples, first_ns)


def _used_at(samples: list[Sample], at_ns: int) -> float:
    for a, b in itertools.pairwise(samples):
        if a.at_ns <= at_ns < b.at_ns:
            return a.cpu_s + (b.cpu_s - a.cpu_s) * (at_ns - a.at_ns) / (b.at_ns - a.at_ns)
    return samples[0].cpu_s if at_ns < samples[0].at_ns else samples[-1].cpu_s


def peak_mb(samples: list[Sample]) -> float:
    return max(sample.memory_mb or 0.0 for sample in samples)


# --- what the tests read -------------------------------------------------------------------------------


def record(target: Path) -> None:
    """Run every tool on a load of two requests, and keep what it wrote beside the reference's log."""
    for tool in TOOLS:
        kept = target / tool.name
        kept.mkdir(parents=True, exist_ok=True)
        profile = ReferenceProfile(ttft_median_ms=20.0, icl_median_ms=5.0, output_tokens=6)
        with tempfile.TemporaryDirectory() as name:
            folder, log = Path(name), kept / "reference.log"
            log.unlink(missing_ok=True)
            with start_reference(profile, log=log) as reference:
                plan = Plan(
                    url=reference.url,
                    model=profile.model,
                    concurrency=1,
                    requests=2,
                    seed="00",
                    max_tokens=6,
                    input_words=20,
                )
                run(tool, plan, folder, None)
            for file in tool.files:
                value = (folder / file).read_text("utf-8")
                if tool.name == "guidellm":  # the rest is its settings, longer than all else and of no use
                    requests = json.loads(value)["benchmarks"][0]["requests"]
                    value = json.dumps({"benchmarks": [{"requests": requests}]}, indent=1) + "\n"
                (kept / file).write_text(value.replace(name, ""), "utf-8")  # this machine's own paths


if __name__ == "__main__":
    record(Path(sys.argv[1]))
