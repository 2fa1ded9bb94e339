"""The command line for operators, `ml-guard`: click commands, one file a domain.

- `alerts`: alerts, test messages, alert policies from a file
- `audit`: verification of the ledger
- `backup`: `backup` and `restore`
- `dagster`: the history in Dagster's storage
- `database`: `migrate`, and opening the database for other commands
- `doctor`: checks of settings and of everything that ML Guard depends on
- `history`: import of a model's history
- `keys`: API keys
- `knowledge`: evaluation of search and answers
- `ledger_entry`: ledger entries of commands that change something
- `main`: entry point: table of commands, exit codes of failures
- `models`: versions of a model, and decisions about them
- `pages`: a link that signs in to the pages
- `projects`: projects
- `prompts`: prompt templates and their lock file
- `report`: monthly report of a model, as a file
- `research`: evaluation, and replay of a research request
- `serve`: the server, as one process or several
- `settings`: documentation of all settings
- `stack`: `up` and `down`
- `status`: what a running server reports about itself
- `terminal`: output, and options that several commands share

Command modules import the database and the server inside functions, so that help and shell completion start fast.
"""
