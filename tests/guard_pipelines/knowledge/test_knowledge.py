"""The knowledge base is built at the first start and whenever its sources change, and only what is new is embedded."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pyarrow.fs as pafs
import pytest
from moto.server import ThreadedMotoServer

from guard_pipelines.definitions import defs
from guard_pipelines.knowledge import sensors as sensor
from guard_pipelines.knowledge.sensors import sources
from guard_pipelines.resources import Guard
from guard_store.knowledge.store import KnowledgeStore
from ml.knowledge import documents
from tests.support.pipelines import Pipelines


def tick(pipelines: Pipelines) -> dg.RunRequest | dg.SkipReason:
    with dg.build_sensor_context(
        instance=pipelines.instance, resources={"guard": Guard()}, definitions=defs(), sensor_name="sources"
    ) as context:
        found = sources(context)
    assert isinstance(found, dg.RunRequest | dg.SkipReason)
    return found


def asked(pipelines: Pipelines) -> dg.RunRequest:
    found = tick(pipelines)
    assert isinstance(found, dg.RunRequest), found.skip_message
    return found


def skipped(pipelines: Pipelines) -> str:
    found = tick(pipelines)
    assert isinstance(found, dg.SkipReason)
    return found.skip_message or ""


def run(pipelines: Pipelines, *, raises: bool = True) -> dg.ExecuteInProcessResult:
    job = defs().resolve_job_def("knowledge")
    return job.execute_in_process(instance=pipelines.instance, tags=asked(pipelines).tags, raise_on_error=raises)


def numbers(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, object]:
    (event,) = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in event.metadata.items()}


@pytest.fixture
def folder(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two documents that the settings point to."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# Apples\n\nApples are red.\n\n## Pears\n\nPears are green.\n")
    (folder / "b.txt").write_text("Bananas are yellow.")
    monkeypatch.setenv("ML_GUARD_KNOWLEDGE_URL", str(folder))
    return folder


def test_the_first_start_builds_and_then_nothing_is_asked_for(folder: Path, pipelines: Pipelines) -> None:
    result = run(pipelines)
    assert numbers(result, "documents") == {
        "documents": 2,
        "skipped": 0,
        "files_of_unknown_format": 0,
        "version": 0,
        "skipped_files": "none",
    }
    assert numbers(result, "embeddings") == {
        "chunks": 3,
        "embedded": 3,
        "reused": 0,
        "model": "sentence-transformers/all-MiniLM-L6-v2/int8",
        "version": 0,
    }
    assert skipped(pipelines) == "nothing has changed"
    assert sources.default_status == dg.DefaultSensorStatus.RUNNING


def test_a_changed_file_is_noticed_and_only_its_new_chunks_are_embedded(folder: Path, pipelines: Pipelines) -> None:
    run(pipelines)
    (folder / "a.md").write_text("# Apples\n\nApples are red.\n\n## Pears\n\nPears are yellow too.\n")
    (folder / "b.txt").unlink()
    found = numbers(run(pipelines), "embeddings")
    assert (found["chunks"], found["embedded"], found["reused"], found["version"]) == (2, 1, 1, 1)
    read = KnowledgeStore(pipelines.settings.storage.lake).read()
    assert read is not None
    assert read[1]["text"].to_pylist() == ["Apples are red.", "Pears are yellow too."]


def test_a_touched_file_is_looked_at_and_makes_no_new_version(folder: Path, pipelines: Pipelines) -> None:
    run(pipelines)
    (folder / "b.txt").touch()
    found = numbers(run(pipelines), "embeddings")
    assert (found["embedded"], found["version"]) == (0, 0)


def test_a_file_that_cannot_be_read_is_named_by_a_warning_and_the_others_are_there(
    folder: Path, pipelines: Pipelines
) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    result = run(pipelines)
    (check,) = result.get_asset_check_evaluations()
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "broken.pdf" in str(check.metadata["files"].value)
    assert numbers(result, "documents")["skipped"] == 1
    assert numbers(result, "embeddings")["chunks"] == 3


def test_a_file_of_another_format_is_listed_without_a_warning(folder: Path, pipelines: Pipelines) -> None:
    (folder / "photo.png").write_bytes(b"")
    result = run(pipelines)
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
    assert "photo.png" in str(check.metadata["files"].value)
    assert numbers(result, "documents")["files_of_unknown_format"] == 1


def test_readers_that_find_other_text_build_again(
    folder: Path, pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(pipelines)
    monkeypatch.setattr(documents, "READER_VERSION", documents.READER_VERSION + 1)
    assert numbers(run(pipelines), "documents")["version"] == 0


def test_no_file_at_all_is_an_empty_version(folder: Path, pipelines: Pipelines) -> None:
    for file in folder.iterdir():
        file.unlink()
    assert numbers(run(pipelines), "embeddings")["chunks"] == 0
    assert KnowledgeStore(pipelines.settings.storage.lake).version() is not None


def test_without_a_model_the_chunks_are_there_without_vectors_and_with_one_it_is_built_again(
    folder: Path, pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_GUARD_KNOWLEDGE_EMBEDDING_MODEL", "none")
    assert numbers(run(pipelines), "embeddings")["model"] == "none"
    monkeypatch.delenv("ML_GUARD_KNOWLEDGE_EMBEDDING_MODEL")
    assert numbers(run(pipelines), "embeddings")["embedded"] == 3


def test_a_failed_run_is_tried_again_but_not_for_ever(
    folder: Path, pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_GUARD_KNOWLEDGE_EMBEDDING_MODEL", "no/such-model")
    assert not run(pipelines, raises=False).success
    assert "its last 1 runs have failed" in skipped(pipelines)
    monkeypatch.setattr(sensor, "_RETRY_DELAY_S", 0)
    for _ in range(3):
        assert not run(pipelines, raises=False).success
    assert "waits for other sources or settings" in skipped(pipelines)
    monkeypatch.setenv("ML_GUARD_KNOWLEDGE_EMBEDDING_MODEL", "none")
    assert run(pipelines).success


def test_while_a_run_is_going_on_no_other_is_asked_for(folder: Path, pipelines: Pipelines) -> None:
    pipelines.hold(asked(pipelines), job="knowledge")
    assert skipped(pipelines) == "the knowledge base is being built"


def test_a_lake_that_was_cleared_is_filled_again(
    folder: Path, pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(pipelines)
    monkeypatch.setenv("ML_GUARD_LAKE_URL", str(folder.parent / "another"))
    assert numbers(run(pipelines), "embeddings")["embedded"] == 3


@pytest.fixture
def s3(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pafs.S3FileSystem]:
    """An S3 server over HTTP with a bucket `library`, and its address in the environment."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    client = pafs.S3FileSystem(
        endpoint_override=f"http://{host}:{port}",
        access_key="test",
        secret_key="test",
        region="us-east-1",
        allow_bucket_creation=True,
    )
    client.create_dir("library")
    yield client
    server.stop()


def put(s3: pafs.S3FileSystem, path: str, content: bytes) -> None:
    with s3.open_output_stream(path) as file:
        file.write(content)


def test_sources_and_lake_may_be_in_s3(
    s3: pafs.S3FileSystem, pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(s3, "library/docs/a/one.md", b"# One\n\nIn a bucket.")
    put(s3, "library/other/two.md", b"# Two\n\nNot a source.")
    monkeypatch.setenv("ML_GUARD_KNOWLEDGE_URL", "s3://library/docs")
    monkeypatch.setenv("ML_GUARD_LAKE_URL", "s3://library/lake")
    monkeypatch.setenv("ML_GUARD_KNOWLEDGE_EMBEDDING_MODEL", "none")
    run(pipelines)
    read = KnowledgeStore("s3://library/lake").read()
    assert read is not None
    assert read[1].select(["source", "text"]).to_pylist() == [{"source": "a/one.md", "text": "In a bucket."}]
    assert skipped(pipelines) == "nothing has changed"
    put(s3, "library/docs/three.txt", b"New.")
    assert numbers(run(pipelines), "embeddings")["chunks"] == 2
