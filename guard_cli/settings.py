"""`ml-guard settings`: the documentation of all settings."""

import click

from guard_cli.terminal import example, print_answer
from guard_core.settings import load_settings


@click.command(epilog=example("ml-guard settings --env > .env.example"))
@click.option("--env", is_flag=True, help="Print .env.example instead.")
def settings(*, env: bool) -> None:
    """Print the table of settings."""
    from guard_core.settings.docs import env_example, markdown_page

    load_settings()  # reports wrong settings, like every other command
    print_answer((env_example() if env else markdown_page()).rstrip("\n"))
