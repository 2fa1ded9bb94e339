"""The stores that MLflow keeps open for the life of a process, one for each database."""

import sys


def close_mlflow_stores() -> None:
    """Close MLflow's stores, if this process has any: each holds its tables and statements, 11 MB."""
    if "mlflow.store.tracking.sqlalchemy_store" not in sys.modules:
        return
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as RegistryStore
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as TrackingStore
    from mlflow.tracking._model_registry.registry import ModelRegistryStoreRegistry
    from mlflow.tracking._tracking_service.registry import TrackingStoreRegistry

    for store in (RegistryStore, TrackingStore):
        while store._engine_map:
            store._engine_map.popitem()[1].dispose()
    TrackingStoreRegistry._get_store_with_resolved_uri.cache_clear()
    ModelRegistryStoreRegistry._get_store_with_resolved_uri.cache_clear()
