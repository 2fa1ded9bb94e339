"""Materialisations of some partitions of a run, where Dagster materialises all of them, or none.

Which days a stage has evaluated is in `days.partition_states`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.execution.context.output import OutputContext
from dagster._core.execution.plan.outputs import StepOutputHandle


def materialise_only(context: dg.AssetExecutionContext, partition_keys: Sequence[str]) -> None:
    """Let the running step materialise these partitions only; none of its asset if there are none."""
    step = context.get_step_execution_context()
    build_whole_range = step.get_output_context

    def build(handle: StepOutputHandle, metadata: Mapping[str, Any] | None = None) -> OutputContext:
        output: OutputContext = build_whole_range(handle, metadata)
        if not output.has_asset_key or not output.has_asset_partitions:
            return output
        if partition_keys:
            output._asset_partitions_subset = output.asset_partitions_def.subset_with_partition_keys(partition_keys)  # noqa: SLF001
        else:
            # Dagster takes an empty range for an asset without partitions; an output without a key is not recorded.
            output._asset_key = None  # noqa: SLF001
        return output

    # Of this step's context only: nothing else of the process changes.
    setattr(step, "get_output_context", build)  # noqa: B010 - not ours
