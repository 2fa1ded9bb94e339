"""The delivery task of a running server: it folds facts into alerts and sends due messages, one at a time on each route.

Any number of servers may run it at once, because a server leases a message before it sends it. Sending blocks, so each message
is sent in its own thread, and a receiver that hangs delays only its own route.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from guard_core.settings import Settings
from guard_store.alerts.fold import fold
from guard_store.alerts.outbox import Delivery, Outbox
from guard_store.alerts.store import AlertStore
from guard_store.db.database import Database
from serving.alerts import metrics
from serving.alerts.routes import senders
from serving.alerts.senders.base import THREAD_PREFIX, DeliveryError, Sender
from serving.alerts.trial import trial_message
from serving.http.problems import NotFound

_log = logging.getLogger(__name__)
_POLL_S = 1.0
_POLLS_PER_GAUGE_UPDATE = 10
_LEASE_MARGIN_S = 30


def _as_it_is(delivery: Delivery) -> Delivery:
    return delivery


class DeliveryService:
    """Fold facts and send messages while the server runs.

    Parameters
    ----------
    complete : adds to a message what is rendered only when it is sent; it may take long, and raise `DeliveryError`.
    """

    def __init__(
        self, settings: Settings, database: Database, complete: Callable[[Delivery], Delivery] = _as_it_is
    ) -> None:
        self.store = AlertStore(database)
        self.outbox = Outbox(database)
        self._settings = settings
        self._database = database
        self._complete = complete
        self._senders: Mapping[str, Sender] = {}
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._hung: dict[str, asyncio.Future[None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._dead = 0

    async def start(self) -> None:
        """Build the senders and start the task.

        Raises
        ------
        RouteError
            If the URL of a route is wrong.
        """
        self._senders = await asyncio.to_thread(senders, self._settings)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Start no further message, and wait for those in flight; each has the timeout of a send."""
        self._stopping.set()
        if self._task is not None:
            await self._task
        await asyncio.gather(*self._busy.values(), return_exceptions=True)

    def problems(self) -> dict[str, str]:
        """Return what is wrong with delivery, for the readiness report."""
        if not self._dead:
            return {}
        return {"alerts": f"{self._dead} messages were given up: see /api/v1/alert-deliveries?state=dead"}

    async def try_route(self, route: str) -> str | None:
        """Send a test message on a route now, past the outbox; return the reason if it could not be sent.

        Raises
        ------
        NotFound
            If there is no route of this name.
        """
        if route not in self._senders:
            names = ", ".join(sorted(self._senders)) or "none"
            raise NotFound(f"ML_GUARD_ALERT_ROUTES has no route {route!r}; there is {names}.")
        if self._is_hung(route):
            return "an earlier message still waits for its receiver"
        return await self._error_of(trial_message(route, self._settings.server.public_address))

    async def _run(self) -> None:
        polls = 0
        while not self._stopping.is_set():
            try:
                await asyncio.to_thread(fold, self._database, self._settings)
                for route in await asyncio.to_thread(self.outbox.routes_with_work):
                    if route not in self._busy:
                        self._busy[route] = asyncio.create_task(self._work(route))
                if polls % _POLLS_PER_GAUGE_UPDATE == 0:
                    await asyncio.to_thread(self._update_gauges)
            except SQLAlchemyError as error:
                _log.warning("alert delivery is waiting for the database: %s", type(error).__name__)
            except Exception:  # noqa: BLE001 - logged; the next poll may succeed, and without this task no message is sent
                _log.exception("a poll of alert delivery failed")
            polls += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _POLL_S)

    def _update_gauges(self) -> None:
        depth = self.outbox.depth()
        if depth.dead > self._dead:
            _log.error("alert messages were given up", extra={"dead": depth.dead})
        self._dead = depth.dead
        metrics.set_gauges(self.store.open_by_severity(), depth)

    async def _work(self, route: str) -> None:
        """Send the due messages of a route, one after the other."""
        lease_s = self._settings.alert.timeout_s + _LEASE_MARGIN_S
        try:
            while not self._is_hung(route) and not self._stopping.is_set():
                delivery = await asyncio.to_thread(self.outbox.claim, route, lease_s=lease_s)
                if delivery is None:
                    return
                await self._deliver(delivery)
        except SQLAlchemyError as error:
            # A message that was sent but could not be marked as sent is sent again once its lease expires.
            _log.warning("alert delivery is waiting for the database: %s", type(error).__name__)
        finally:
            del self._busy[route]

    async def _deliver(self, delivery: Delivery) -> None:
        names = {"message_id": delivery.id, "route": delivery.route}
        error = await self._error_of(delivery)
        if error is None:
            await asyncio.to_thread(self.outbox.mark_sent, delivery)
            metrics.count_attempt("sent")
            _log.info("alert sent", extra=names)
            return
        state = await asyncio.to_thread(
            self.outbox.mark_failed,
            delivery,
            error,
            most_attempts=self._settings.alert.attempts,
            retry_s=self._settings.alert.retry_s,
            final=delivery.route not in self._senders,
        )
        metrics.count_attempt("dead" if state == "dead" else "failed")
        _log.warning("alert not sent: %s", error, extra={**names, "attempts": delivery.attempts + 1, "state": state})

    async def _error_of(self, delivery: Delivery) -> str | None:
        sender = self._senders.get(delivery.route)
        if sender is None:
            return "ML_GUARD_ALERT_ROUTES has no route of this name"
        timeout_s = self._settings.alert.timeout_s
        sending = _in_thread(sender, self._complete, delivery, timeout_s)
        try:
            await asyncio.wait_for(asyncio.shield(sending), timeout_s)
        except TimeoutError:
            self._hung[delivery.route] = sending
            sending.add_done_callback(lambda _: self._hung.pop(delivery.route, None))
            return f"no answer within {timeout_s} s"
        except DeliveryError as error:
            return str(error)
        return None

    def _is_hung(self, route: str) -> bool:
        """Return whether a thread of the route still waits for its receiver; a route has one such thread at most."""
        return route in self._hung


def _in_thread(
    sender: Sender, complete: Callable[[Delivery], Delivery], delivery: Delivery, timeout_s: float
) -> "asyncio.Future[None]":
    """Send in a daemon thread, so that a receiver that hangs does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: BaseException | None) -> None:
        if not done.cancelled():
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
                done.exception()  # marks it as retrieved: after a timeout nothing awaits the future

    def run() -> None:
        failure: BaseException | None = None
        try:
            sender.send(complete(delivery), timeout_s)
        except DeliveryError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - a response can make a library raise anything
            failure = DeliveryError(f"sending failed: {type(error).__name__}")
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, failure)

    threading.Thread(target=run, name=f"{THREAD_PREFIX}{delivery.route}", daemon=True).start()
    return done
