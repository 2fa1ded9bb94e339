"""`ml-guard report`: the monthly report of a model, as one HTML file or as JSON."""

from pathlib import Path

import click

from guard_cli.database import open_database, require_project
from guard_cli.terminal import FILE, CommandError, example, print_answer
from guard_core.settings import Settings, load_settings


@click.command(
    epilog=example(
        "ml-guard report late-arrival --project flights --month 2013-05 --output may.html",
        "ml-guard report late-arrival --project flights --json",
    )
)
@click.argument("model_id", metavar="MODEL")
@click.option("--project", "project_id", required=True, metavar="ID", help="Project of the model.")
@click.option("--month", metavar="YYYY-MM", help="Local month; default: the newest with events that is over.")
@click.option("--output", type=FILE, metavar="FILE", help="File to write; default: PROJECT-MODEL-MONTH.html here.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON, as the API does; without --output, to stdout.")
def report(model_id: str, project_id: str, month: str | None, output: Path | None, *, as_json: bool) -> None:
    """Write the monthly report of a model as one HTML file."""
    name, text = read_report(load_settings(), project_id, model_id, month, as_json=as_json)
    if as_json and output is None:
        print_answer(text)
        return
    path = output or Path(name)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(
            f"--output {path}: {error.strerror}; give a path in a folder that can be written to"
        ) from error
    print_answer(str(path))


def read_report(
    settings: Settings, project_id: str, model_id: str, month: str | None, *, as_json: bool
) -> tuple[str, str]:
    """Return the name and the text of the file of a report.

    Raises
    ------
    CommandError
        If the project, the model or the month does not exist.
    """
    from serving.app import Services
    from serving.http.problems import Problem
    from serving.pages.models.report import ReportDocuments
    from serving.reports.months import checked_month
    from serving.reports.service import ReportService

    with open_database(settings) as database:
        require_project(database, project_id)
        services = Services(settings, database)
        project = services.projects.get(project_id)
        assert project is not None  # noqa: S101 - required above
        try:
            month = None if month is None else checked_month(month)
            if as_json:
                view = services.parts.get(ReportService).read(project, model_id, month)
                return f"{project_id}-{model_id}-{view.month}.json", view.model_dump_json(indent=2)
            return services.parts.get(ReportDocuments).file(project, model_id, month)
        except Problem as problem:
            raise CommandError(problem.detail) from None
