"""Which rows of the lake a training uses: labelled ones that were known when its flag was raised, split in time.

Choosing and reading rows belongs here; learning from them does not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from guard_core.columns import FEATURE_PREFIX, LABEL
from guard_core.days import LocalDays, local_days
from guard_core.project_settings.training import TrainingSpec
from guard_pipelines.monitoring.stages.lake_columns import read_day
from guard_store.lake.rows import LABEL_OBSERVED
from guard_store.lake.store import Lake, LakeSnapshot
from guard_store.retraining.flag import Flag
from guard_store.retraining.labelled_rows import LabelledRows
from ml.retraining.training.evaluate import DAY, HeldOut
from ml.retraining.training.repeats import without_repeats
from ml.retraining.training.trained import TrainingError

_INSTANT = pa.timestamp("us", "UTC")
_NO_EVENTS = "The model has no events in the lake yet"
_COLUMNS = ("ts", "event_id", "segment", LABEL, LABEL_OBSERVED)


@dataclass(frozen=True)
class KnownRows:
    """The labelled rows that a training may use, newest days first, and the labels that it may not.

    Attributes
    ----------
    by_day : rows whose event and label were known at the instant.
    late_labels : labels of the read days that were observed after it.
    """

    by_day: Mapping[str, pa.Table]
    late_labels: int

    @property
    def numbers(self) -> LabelledRows:
        """Numbers of these rows."""
        return LabelledRows({day: len(rows) for day, rows in self.by_day.items()}, self.late_labels)


def known_rows(
    snapshot: LakeSnapshot,
    as_of_us: int,
    zone: LocalDays,
    spec: TrainingSpec,
    is_enough: Callable[[LabelledRows], bool],
) -> KnownRows:
    """Read the newest days of the training's window before an instant until there are enough rows, or `max_rows`."""
    last = zone.of(as_of_us - 1)
    first = last - timedelta(days=spec.window_days - 1)
    known = KnownRows({}, 0)
    for day in sorted(snapshot.days, reverse=True):
        if not first.isoformat() <= day <= last.isoformat():
            continue
        if known.numbers.rows >= spec.max_rows or is_enough(known.numbers):
            break
        table = read_day(snapshot, day, ("ts", "event_id", LABEL, LABEL_OBSERVED))
        rows = _filter_known(table, as_of_us)
        late = len(table) - table[LABEL].null_count - len(rows)
        known = KnownRows({**known.by_day, day: rows}, known.late_labels + late)
    return known


def choose_rows(lake: Lake, flag: Flag, timezone: str, spec: TrainingSpec) -> dict[str, Any]:
    """Choose the rows of a flag's training; return them as plain data from which `read_rows` reads them again.

    Raises
    ------
    TrainingError
        If there are too few labelled rows.
    """
    snapshot = lake.snapshot(flag.project_id, flag.model_id)
    if snapshot is None:
        raise TrainingError(_NO_EVENTS)
    zone = local_days(timezone)
    last = zone.of(flag.as_of_us - 1)
    known = known_rows(snapshot, flag.as_of_us, zone, spec, lambda _: False)
    numbers = known.numbers
    training_days, held_out_days = numbers.split(spec)
    rows = numbers.trained_rows(spec)
    if shortage := numbers.shortage(spec, last):
        raise TrainingError(shortage)
    chosen = {
        "lake_version": snapshot.version,
        "as_of_us": flag.as_of_us,
        "split_us": zone.bounds_us(date.fromisoformat(held_out_days[0]))[0],
        "first_day": training_days[0],
        "last_day": training_days[-1],
        "held_first_day": held_out_days[0],
        "held_last_day": held_out_days[-1],
        "baseline_first_day": min(held_out_days[0], (last - timedelta(days=spec.baseline_days - 1)).isoformat()),
        "rows": rows,
        "held_rows": numbers.rows - rows,
    }
    return {**chosen, "sha256": _digest([known.by_day[day] for day in (*training_days, *held_out_days)])}


def shortage_of_flag(lake: Lake, flag: Flag, timezone: str, spec: TrainingSpec) -> str | None:
    """Describe what the training of a flag lacks in the present lake; None if there are enough rows."""
    snapshot = lake.snapshot(flag.project_id, flag.model_id)
    if snapshot is None:
        return _NO_EVENTS
    zone = local_days(timezone)
    last = zone.of(flag.as_of_us - 1)
    known = known_rows(snapshot, flag.as_of_us, zone, spec, lambda rows: rows.shortage(spec, last) is None)
    return known.numbers.shortage(spec, last)


def read_rows(lake: Lake, flag: Flag, chosen: Mapping[str, Any]) -> HeldOut:
    """Read the chosen rows from the chosen version of the lake, by time, without those that repeat older ones.

    Raises
    ------
    TrainingError
        If that version no longer exists.
    """
    snapshot = lake.snapshot(flag.project_id, flag.model_id, chosen["lake_version"])
    if snapshot is None:
        raise TrainingError(f"Version {chosen['lake_version']} of the lake no longer exists: force a new flag")
    columns = (*_COLUMNS, *(name for name in snapshot.columns if name.startswith(FEATURE_PREFIX)))
    days = [day for day in snapshot.days if chosen["first_day"] <= day <= chosen["held_last_day"]]
    tables = [_of_day(day, _filter_known(read_day(snapshot, day, columns), chosen["as_of_us"])) for day in days]
    rows = pa.concat_tables(tables, promote_options="permissive").sort_by(
        [("ts", "ascending"), ("event_id", "ascending")]
    )
    split = pa.scalar(chosen["split_us"], pa.int64()).cast(_INSTANT)
    rows, repeats = without_repeats(rows)
    return HeldOut(
        rows.filter(pc.greater_equal(rows["ts"], split)),
        rows.filter(pc.less(rows["ts"], split)),
        repeats,
    )


class TrainingRows:
    """The rows of one training in memory: the steps of a run follow each other in one process, and read them once."""

    def __init__(self) -> None:
        self._flag_id: str | None = None
        self._rows: HeldOut | None = None

    def of(self, lake: Lake, flag: Flag, chosen: Mapping[str, Any]) -> HeldOut:
        """Return the chosen rows of a flag; read them where those in memory are of another flag."""
        if self._rows is None or self._flag_id != flag.id:
            self._rows = None  # never two trainings in memory
            self._rows, self._flag_id = read_rows(lake, flag, chosen), flag.id
        return self._rows


def read_all_of_days(lake: Lake, flag: Flag, version: int, days: tuple[str, str]) -> dict[str, pa.Table]:
    """Read all rows, labelled or not, of a closed range of days, by day, with all their columns."""
    snapshot = lake.snapshot(flag.project_id, flag.model_id, version)
    if snapshot is None:
        raise TrainingError(f"Version {version} of the lake no longer exists: force a new flag")
    by_day = {}
    for day in snapshot.days:
        if days[0] <= day <= days[1]:
            rows = read_day(snapshot, day, [name for name in snapshot.columns if name != "day"])
            by_day[day] = rows.filter(pc.less(rows["ts"], pa.scalar(flag.as_of_us, pa.int64()).cast(_INSTANT)))
    return by_day


def _filter_known(rows: pa.Table, as_of_us: int) -> pa.Table:
    """Keep the rows whose event and label were known at the instant."""
    as_of = pa.scalar(as_of_us, pa.int64()).cast(_INSTANT)
    observed = rows[LABEL_OBSERVED].cast(_INSTANT)
    is_known = pc.and_(pc.less(rows["ts"], as_of), pc.less_equal(observed, as_of))
    return rows.filter(pc.and_(pc.fill_null(is_known, fill_value=False), pc.is_valid(rows[LABEL])))


def _of_day(day: str, rows: pa.Table) -> pa.Table:
    return rows.append_column(DAY, pa.repeat(day, len(rows)).dictionary_encode())


def _digest(days: Sequence[pa.Table]) -> str:
    """Return a digest of the chosen events and their labels."""
    digest = sha256()
    for rows in days:
        ordered = rows.sort_by("event_id")
        digest.update("\n".join(ordered["event_id"].to_pylist()).encode())
        digest.update("\n".join(map(str, ordered[LABEL].to_pylist())).encode())
    return digest.hexdigest()
