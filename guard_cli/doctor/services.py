"""Checks of the servers and models that the settings name: Qdrant, embedding, language models, alert routes, AWS."""

import asyncio
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from guard_cli.doctor.check import Outcome, ok, problem, unused
from guard_core.settings import Settings

_NOT_SET = "not set"


def check_files(settings: Settings) -> Outcome:
    """Read the files and secrets that the server reads at its start."""
    from guard_cli.serve import check_files as read_files
    from guard_cli.terminal import CommandError
    from guard_core.settings import SettingsError

    if settings.audit.key is None and not (settings.storage.home / "audit.key").exists():
        return unused("the key that signs checkpoints is not there yet: the first start creates it")
    try:
        read_files(settings)
    except (CommandError, SettingsError, OSError) as error:
        return problem(str(error), "correct the file or the setting that is named")
    return ok("signing key, prompts and content policies can be read")


def check_alert_routes(settings: Settings) -> Outcome:
    """Check the URLs of all alert routes; nothing is sent."""
    from serving.alerts.routes import senders
    from serving.alerts.senders.base import RouteError

    if not settings.alert.routes:
        return unused(_NOT_SET)
    try:
        names = sorted(senders(settings))
    except RouteError as error:
        return problem(str(error), "correct ML_GUARD_ALERT_ROUTES")
    return ok(f"{', '.join(names)} (`ml-guard alerts test NAME` sends a message)")


def check_qdrant(settings: Settings) -> Outcome:
    """Read the collections of the Qdrant server."""
    from guard_store.knowledge.store import TableVersion
    from serving.assistant.knowledge.index import Index, IndexUnavailableError, open_client

    knowledge = settings.knowledge
    if knowledge.qdrant_url is None:
        return unused("not set: each server process has its own index")
    host = urlsplit(knowledge.qdrant_url).hostname
    api_key = None if knowledge.qdrant_api_key is None else knowledge.qdrant_api_key.get_secret_value()
    index = Index(open_client(knowledge.qdrant_url, api_key))
    try:
        index.serves(TableVersion("doctor", 0))
    except IndexUnavailableError as error:
        reason, _, fix = str(error).partition(": ")
        return problem(f"{host}: {reason}", fix or "see the log of Qdrant")
    finally:
        index.close()
    return ok(f"{host} answers")


def check_embedding(settings: Settings) -> Outcome:
    """Load the embedding model."""
    from ml.knowledge.embedding import ModelError, load_embedder

    model, folder = settings.knowledge.embedding_model, settings.storage.embedders
    try:
        with TemporaryDirectory() as temporary:  # a check must not create the home folder
            embedder = load_embedder(model, folder if folder.exists() else Path(temporary))
    except ModelError as error:
        return problem(str(error), "set ML_GUARD_KNOWLEDGE_EMBEDDING_MODEL to `packaged` or `none`")
    return unused("none: search by words alone") if embedder is None else ok(embedder.name)


def check_language_models(settings: Settings) -> Outcome:
    """List the models of each server of language models, which shows whether it answers and accepts its key."""
    from serving.http.problems import Problem

    llm = settings.llm
    if llm.base_url is None:
        return unused("not set: nothing leaves this machine")
    for place, server in enumerate(llm.servers):
        setting = "ML_GUARD_LLM_FALLBACKS" if place else "ML_GUARD_LLM_BASE_URL"
        for api_key in dict.fromkeys((server.api_key, *server.api_keys)):
            update = {
                "base_url": server.base_url,
                "api_key": api_key,
                "protocol": server.protocol,
                "api_keys": (),
                "fallbacks": (),
            }
            try:
                asyncio.run(_list_models(settings.model_copy(update={"llm": llm.model_copy(update=update)})))
            except Problem as error:
                return problem(error.detail, f"start the server, or correct {setting} and its keys")
    return ok(", ".join(urlsplit(server.base_url).hostname or "" for server in llm.servers))


async def _list_models(settings: Settings) -> None:
    from serving.gateway.upstreams.upstreams import Upstreams

    upstreams = Upstreams(settings)
    await upstreams.start()
    try:
        await upstreams.get("/models")
    finally:
        await upstreams.stop()


def check_aws(settings: Settings) -> Outcome:
    """Ask AWS who the credentials belong to, which costs nothing."""
    if not settings.aws.costs:
        return unused("not set: costs at AWS are read only on request")
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    config = Config(connect_timeout=10, read_timeout=10, retries={"total_max_attempts": 1})
    try:
        with closing(boto3.session.Session().client("sts", region_name="us-east-1", config=config)) as client:
            identity = client.get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        return problem(
            f"AWS accepts no credentials of this machine ({type(error).__name__})",
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or the machine's role, or switch ML_GUARD_AWS_COSTS off",
        )
    return ok(f"account {identity['Account']}")
