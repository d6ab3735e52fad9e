"""Servers that people really run, installed and started as they come. Knows nothing of our own client.

Each has an environment of its own under ``build/bench-envs``, made once from the package index, and listens
on loopback alone. No model is fetched:

* litellm: its proxy, with the reference endpoint as what it stands before, and under a second name with a
  reference that breaks off each stream with an error;
* llama-cpp: the server of llama-cpp-python, which is compiled (some fifteen minutes on two cores), with a
  model of random weights that is made here in its environment: two layers, 259 tokens, most of them a byte.
* transformers: its ``serve``, on the processor, with a model of random weights of the same kind.

vLLM is not among them: its wheels are for accelerators.

Run, to write down anew the answers that the dialects' tests read:
``python pipeline/benchmarks/real_servers.py pipeline/tests/golden/dialects [NAME…]``
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from environments import ENVIRONMENTS, UnavailableError, last_line, make, run_quietly

from fairlead.measure.dialects import DIALECTS
from fairlead.measure.reference import Reference, start_reference
from fairlead.measure.truth import ReferenceProfile

INSTALL_S = 2400
START_S = 180

MODEL, BROKEN = "reference", "broken"
PROMPT = "Count to ten."


@dataclass(frozen=True)
class Place:
    """Where a server reads and writes, where it listens, and what it stands before."""

    folder: Path
    python: Path
    port: int
    upstream: Reference
    broken: Reference


@dataclass(frozen=True)
class Server:
    """One of the servers. ``dialects``: those of ours that it speaks. ``prepare``: makes what its command
    needs."""

    name: str
    pins: tuple[str, ...]
    remark: str
    dialects: tuple[str, ...]
    prepare: Callable[[Place], list[str]]
    environment: tuple[tuple[str, str], ...] = ()


# --- litellm -------------------------------------------------------------------------------------------


def prepare_litellm(place: Place) -> list[str]:
    models = [
        {
            "model_name": name,
            "litellm_params": {"model": "hosted_vllm/reference", "api_base": upstream.url, "api_key": "none"},
        }
        for name, upstream in ((MODEL, place.upstream), (BROKEN, place.broken))
    ]
    # A router that bars a model after its first failure would answer 429 to what comes next.
    settings = {"model_list": models, "router_settings": {"disable_cooldowns": True}}
    config = place.folder / "config.yaml"
    config.write_text(json.dumps(settings), "utf-8")  # JSON is YAML
    program = place.python.with_name("litellm")
    return [str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(place.port)]


# --- llama.cpp -----------------------------------------------------------------------------------------

_MAKE_MODEL = """
import sys, gguf, numpy as np
WIDTH, LAYERS, HEADS, INNER, CONTEXT, BYTES = 64, 2, 4, 128, 4096, 256
marks = [b"<unk>", b"<s>", b"</s>"]
writer = gguf.GGUFWriter(sys.argv[1], "llama")
writer.add_context_length(CONTEXT)
writer.add_embedding_length(WIDTH)
writer.add_block_count(LAYERS)
writer.add_feed_forward_length(INNER)
writer.add_head_count(HEADS)
writer.add_head_count_kv(HEADS)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_rope_dimension_count(WIDTH // HEADS)
writer.add_vocab_size(len(marks) + BYTES)
writer.add_tokenizer_model("llama")
writer.add_token_list(marks + [b"<0x%02X>" % at for at in range(BYTES)])
writer.add_token_scores([0.0] * (len(marks) + BYTES))
writer.add_token_types([2, 3, 3] + [6] * BYTES)  # unknown, control, bytes
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)
draws = np.random.default_rng(0)
def random(*shape):
    return (draws.standard_normal(shape) * 0.05).astype(np.float32)
ones = np.ones(WIDTH, np.float32)
writer.add_tensor("token_embd.weight", random(len(marks) + BYTES, WIDTH))
writer.add_tensor("output_norm.weight", ones)
writer.add_tensor("output.weight", random(len(marks) + BYTES, WIDTH))
for layer in range(LAYERS):
    for norm in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.{layer}.{norm}.weight", ones)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        writer.add_tensor(f"blk.{layer}.{name}.weight", random(WIDTH, WIDTH))
    for name, shape in (("gate", (INNER, WIDTH)), ("up", (INNER, WIDTH)), ("down", (WIDTH, INNER))):
        writer.add_tensor(f"blk.{layer}.ffn_{name}.weight", random(*shape))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
"""


def prepare_llama_cpp(place: Place) -> list[str]:
    model = place.folder / "tiny.gguf"
    run_quietly([str(place.python), "-c", _MAKE_MODEL, str(model)], INSTALL_S)
    # fmt: off
    return [
        str(place.python), "-m", "llama_cpp.server", "--model", str(model), "--model_alias", MODEL,
        "--host", "127.0.0.1", "--port", str(place.port), "--n_ctx", "4096", "--n_threads", "1",
    ]
    # fmt: on


# --- transformers --------------------------------------------------------------------------------------

_MAKE_CHECKPOINT = """
import sys, torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
ascii = sorted(c for c in pre_tokenizers.ByteLevel.alphabet() if c.isascii())
texts = ["<s>", "</s>", *ascii, chr(0x120), chr(0x10A)]  # how it writes a space and a line feed
tokenizer = Tokenizer(models.BPE(vocab={text: at for at, text in enumerate(texts)}, merges=[]))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
fast.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
torch.manual_seed(0)
sizes = dict(hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4)
model = LlamaForCausalLM(LlamaConfig(vocab_size=len(texts), max_position_embeddings=4096, **sizes))
model.generation_config = GenerationConfig(bos_token_id=0, eos_token_id=None, pad_token_id=1)
model.save_pretrained(sys.argv[1])
fast.save_pretrained(sys.argv[1])
"""


def prepare_transformers(place: Place) -> list[str]:
    model = place.folder / MODEL  # named by the path from where the server runs
    run_quietly([str(place.python), "-c", _MAKE_CHECKPOINT, str(model)], INSTALL_S)
    program = place.python.with_name("transformers")
    return [str(program), "serve", "--host", "127.0.0.1", "--port", str(place.port), "--device", "cpu", MODEL]


# --- the table -----------------------------------------------------------------------------------------

SERVERS = (
    Server(
        "litellm",
        ("litellm[proxy]==1.108.7",),
        "about 800 MB",
        ("openai-chat", "openai-chat-whole", "anthropic-messages", "anthropic-messages-whole", "gemini"),
        prepare_litellm,
        # Its own word for a proxy without a key, which is bound to loopback here; and no price list fetched.
        (
            ("LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY", "true"),
            ("LITELLM_LOCAL_MODEL_COST_MAP", "True"),
        ),
    ),
    Server(
        "llama-cpp",
        ("llama-cpp-python[server]==0.3.36", "gguf==0.19.0"),
        "about 200 MB, compiled in some fifteen minutes",
        ("openai-chat", "openai-chat-whole", "openai-completions", "openai-completions-whole"),
        prepare_llama_cpp,
    ),
    Server(
        "transformers",
        ("transformers[serving]==5.24.0",),
        "with PyTorch about 6 GB",
        ("openai-chat", "openai-chat-whole", "openai-completions", "openai-responses"),
        prepare_transformers,
        (("HF_HUB_OFFLINE", "1"),),
    ),
)

# --- environments --------------------------------------------------------------------------------------


def install(server: Server, environments: Path = ENVIRONMENTS) -> Path:
    """The Python of the server's own environment, which is made where it is not there in these versions.

    Raises:
        UnavailableError: it cannot be had here.
    """
    folder = environments / server.name
    made = make(folder, server.pins, server.remark, within_s=INSTALL_S, python=lambda: sys.executable)
    return made / "bin" / "python"


# --- a run ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def start(server: Server, environments: Path = ENVIRONMENTS) -> Iterator[str]:
    """The server on a free port of the loopback, installed at need, stopped on leaving: its base address.

    Raises:
        UnavailableError: it cannot be had here, or did not come up.
    """
    python = install(server, environments)
    fine = ReferenceProfile(model=MODEL, ttft_median_ms=20.0, icl_median_ms=5.0)
    failing = ReferenceProfile(model=MODEL, ttft_median_ms=20.0, icl_median_ms=5.0, stream_error_share=1.0)
    with (
        tempfile.TemporaryDirectory() as name,
        start_reference(fine) as upstream,
        start_reference(failing) as broken,
    ):
        place = Place(Path(name), python, _free_port(), upstream, broken)
        output = place.folder / "output.txt"
        command = server.prepare(place)
        with output.open("wb") as sink:
            process = subprocess.Popen(
                command,
                env={**os.environ, **dict(server.environment), "NO_PROXY": "127.0.0.1"},
                cwd=place.folder,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                _await(process, place.port, output)
                yield f"http://127.0.0.1:{place.port}/v1"
            finally:
                with contextlib.suppress(ProcessLookupError):  # its children, too
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    raise UnavailableError(f"it did not come up: {last_line(output.read_text('utf-8', 'replace'))}")


# --- what the tests read -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """An answer that is worth keeping: how the server was asked, and what is special about it (its name)."""

    name: str
    dialect: str
    model: str = MODEL
    max_tokens: int = 6


CASES = {
    "litellm": (
        Case("litellm-usage-beside-an-empty-choice", "openai-chat"),
        Case("litellm-error-inside", "openai-chat", model=BROKEN),
        Case("litellm-usage-restated-as-zero", "anthropic-messages"),
        Case("litellm-error-inside", "anthropic-messages", model=BROKEN),
        Case("litellm-finish-null-until-the-end", "gemini"),
        Case("litellm-error-inside", "gemini", model=BROKEN),
    ),
    "llama-cpp": (
        Case("llama-cpp-no-usage", "openai-chat"),
        Case("llama-cpp-no-usage", "openai-completions"),
        Case("llama-cpp-answer", "openai-chat-whole"),
    ),
    "transformers": (
        Case("transformers-no-end-marker", "openai-chat", max_tokens=16),
        Case("transformers-no-end-marker", "openai-completions", max_tokens=16),
        Case("transformers-answer", "openai-responses", max_tokens=16),
    ),
}


def ask(url: str, case: Case) -> bytes:
    """The body of a server's answer, as far as it came."""
    dialect = DIALECTS[case.dialect]
    address = urlsplit(dialect.url(url.removesuffix("/v1"), case.model))
    headers = {"content-type": "application/json", **dict(dialect.headers)}
    connection = http.client.HTTPConnection(address.netloc, timeout=60)
    try:
        target = address.path + (f"?{address.query}" if address.query else "")
        connection.request("POST", target, dialect.body(case.model, PROMPT, case.max_tokens), headers)
        try:
            return connection.getresponse().read()
        except http.client.IncompleteRead as error:
            return error.partial
    finally:
        connection.close()


def record(target: Path, only: list[str]) -> None:
    """Ask every server, or those named, for its cases; keep the answers among the dialects' scripts."""
    for server in SERVERS:
        if server.name not in (only or CASES):
            continue
        with start(server) as url:
            for case in CASES[server.name]:
                ending = "sse" if DIALECTS[case.dialect].streamed else "body"
                (target / case.dialect / f"{case.name}.{ending}").write_bytes(ask(url, case))


if __name__ == "__main__":
    record(Path(sys.argv[1]), sys.argv[2:])
