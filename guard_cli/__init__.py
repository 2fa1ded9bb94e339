"""The operator's command line, `ml-guard`: one file a domain, each with its click commands.

`main` is the entry: it names the commands, imports the one that is called and turns failures into exit codes. The commands
are in `serve`, `keys`, `projects`, `models`, `audit`, `prompts`, `knowledge`, `alerts`, `research`, `database` (`migrate`),
`settings` and `stack` (`up`, `down`). `terminal` prints, and holds the options that several commands have; `ledger_entry`
records the commands that change something.

Command modules import the database and the server inside functions: help and shell completion need neither.
"""
