"""Every tool whose results are imported. The only module that knows them all."""

from __future__ import annotations

from collections.abc import Mapping

from fairlead.imports.aiperf import AIPERF
from fairlead.imports.guidellm import GUIDELLM
from fairlead.imports.inference_perf import INFERENCE_PERF
from fairlead.imports.llmperf.run import LLMPERF
from fairlead.imports.mlperf_endpoints import MLPERF_ENDPOINTS
from fairlead.imports.runs import Tool
from fairlead.imports.vllm import VLLM

TOOLS: Mapping[str, Tool] = {
    tool.name: tool for tool in (LLMPERF, VLLM, GUIDELLM, AIPERF, INFERENCE_PERF, MLPERF_ENDPOINTS)
}
