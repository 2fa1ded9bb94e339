"""What the settings add to the definitions of assets: owners, the address of our pages and of MLflow, URI and columns of the lake.

The metadata of a partition are its day's own: `days.assets`.
"""

from collections.abc import Callable
from typing import Any

import dagster as dg

from guard_core.alerting.links import Addresses
from guard_core.settings import Settings

_LAKE_COLUMNS = (
    ("day", "date", "Local day of the event, in the time zone of its project; the table is partitioned by it."),
    ("ts", "timestamp", "When the event happened."),
    ("received_at", "timestamp", "When the server received it."),
    ("event_id", "string", "Id of the event, unique in its project."),
    ("request_id", "string", "Id of the API request that stored it."),
    ("endpoint", "string", "Endpoint that predicted."),
    ("model_version", "string", "Version of the model that predicted."),
    ("segment", "string", "Segment of the event."),
    ("latency_ms", "double", "Latency of the prediction."),
    ("y_pred", "of the model", "Prediction."),
    ("y_proba", "double", "Probability of the predicted class."),
    ("y_true", "of the model", "Label; null until it arrives."),
    ("label_observed_at", "timestamp", "When the label was observed."),
    ("kind_violations", "list of string", "Columns whose value did not fit their kind and was stored as null."),
    ("feature_…", "of the feature", "One column for each feature of the model."),
)


def describe(settings: Settings) -> Callable[[dg.AssetSpec], dg.AssetSpec]:
    """Build the function that adds to the definition of an asset what the settings determine."""
    servers = Addresses.of(settings).urls({"pages": "/", "mlflow": "mlflow:/"})
    urls = {name: dg.MetadataValue.url(url) for name, url in servers.items()}
    lake = {
        "dagster/uri": settings.storage.lake,
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(name, kind, description) for name, kind, description in _LAKE_COLUMNS]
        ),
    }

    def add(spec: dg.AssetSpec) -> dg.AssetSpec:
        metadata: dict[str, Any] = {**spec.metadata, **urls, **(lake if spec.key.path == ["raw_events"] else {})}
        return spec.replace_attributes(owners=list(settings.dagster.owners), metadata=metadata)

    return add
