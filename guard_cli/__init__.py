"""The operator's command line, `ml-guard`: one file a domain, each with its click commands.

- `alerts`: alerts, test messages, alert policies from a file
- `audit`: verification of the ledger
- `database`: `migrate`, and the database that other commands open
- `keys`: API keys
- `knowledge`: evaluation of the search
- `ledger_entry`: ledger entries of commands that change something
- `main`: the entry: names of the commands, exit codes of failures
- `models`: versions of a model, and decisions about them
- `projects`: projects
- `prompts`: prompt templates and their lock file
- `research`: replay of a research request
- `serve`: the server, as one process or several
- `settings`: documentation of all settings
- `stack`: `up` and `down`
- `terminal`: output, and options that several commands share

Command modules import the database and the server inside functions: help and shell completion need neither.
"""
