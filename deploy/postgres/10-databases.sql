-- Run once, by the image, when the volume is empty; `guard` exists by then (POSTGRES_DB).
-- Each system keeps its own migrations, so each has a database of its own.
CREATE DATABASE dagster;
CREATE DATABASE mlflow;
