"""A program that runs SQL on SQLite: reads one statement a line, with its rows a batch, and writes each result as an Arrow IPC stream.

`arrow_reader` starts it and explains why it is a separate process. It imports no other module of ours. The DBAPI layer of the
driver is avoided because it imports pandas, which takes longer than most queries.
"""

import json
import sys

import adbc_driver_manager as adbc
import adbc_driver_sqlite
import pyarrow as pa


def main() -> None:
    """Run statements until the input ends."""
    path, busy_timeout_ms = sys.argv[1:]
    out = pa.PythonFile(sys.stdout.buffer, mode="w")
    with adbc_driver_sqlite.connect(path) as database, adbc.AdbcConnection(database) as connection:
        with adbc.AdbcStatement(connection) as statement:
            statement.set_sql_query(f"PRAGMA busy_timeout = {int(busy_timeout_ms)}")
            statement.execute_update()
        for line in sys.stdin:
            sql, batch_rows = json.loads(line)
            with adbc.AdbcStatement(connection) as statement:
                statement.set_options(**{"adbc.sqlite.query.batch_rows": str(batch_rows)})
                statement.set_sql_query(sql)
                handle, _ = statement.execute_query()
                with (
                    pa.RecordBatchReader._import_from_c(handle.address) as reader,  # noqa: SLF001 - pyarrow's C interface
                    pa.ipc.new_stream(out, reader.schema) as stream,
                ):
                    for batch in reader:
                        stream.write_batch(batch)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
