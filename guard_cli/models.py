"""`ml-guard models`: the versions of a model, and decisions about them, on record as those of the command line."""

from guard_cli.keys import open_database
from guard_cli.on_record import on_record
from guard_cli.terminal import CommandError, say, say_table
from guard_core.settings import Settings
from guard_store.retraining.decisions import Actor
from guard_store.retraining.registry import RegistryUnavailableError
from serving.app import services_of
from serving.http.problems import Problem
from serving.retraining.versions import service
from serving.retraining.versions.schemas import VersionView

_ACTOR = Actor("cli", "admin", None)


def show(settings: Settings, project_id: str, model_id: str) -> int:
    """List the versions of a model.

    Raises
    ------
    CommandError
        Where there is none, or the registry does not answer.
    """
    with open_database(settings) as database:
        try:
            versions = service.versions(services_of(settings, database), project_id, model_id)
        except RegistryUnavailableError as error:
            raise CommandError(str(error)) from None
    if not versions:
        raise CommandError(f"{project_id}/{model_id} has no versions yet: a training makes the first one")
    say_table(["version", "aliases", "made", "gate", "why"], [_cells(version) for version in versions])
    return 0


def decide(settings: Settings, action: str, project_id: str, model_id: str, version: str | None, reason: str) -> int:
    """Promote, reject or roll back.

    Raises
    ------
    CommandError
        Where it is not possible, with the reason.
    """
    with open_database(settings) as database:
        services = services_of(settings, database)
        try:
            if action == "rollback":
                found = service.roll_back(services, project_id, model_id, reason, _ACTOR)
            else:
                change = service.promote if action == "promote" else service.reject
                found = change(services, project_id, model_id, str(version), reason, _ACTOR)
        except Problem as problem:
            raise CommandError(problem.detail) from None
        except RegistryUnavailableError as error:
            raise CommandError(str(error)) from None
        on_record(database, f"models {action}", project_id, model=model_id, version=str(found.version), reason=reason)
    say(
        f"version {found.version}: {', '.join(found.aliases) or 'no alias'}; servers follow within {settings.predict.model_poll_s} s"
    )
    return 0


def _cells(version: VersionView) -> list[str]:
    gate = {None: "", True: "promote", False: "keep the champion"}[version.promoted]
    made = version.created_at.isoformat(timespec="seconds")
    return [version.version, ", ".join(version.aliases), made, gate, "; ".join(version.reasons)]
