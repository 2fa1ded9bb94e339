"""Feedback of users: checked against the evaluated answers of the project, and stored as the label of its event.

HTTP is `endpoints`.
"""

import asyncio
from http import HTTPStatus
from typing import Literal

from guard_core.days import now_us
from guard_store.db.database import Database
from guard_store.ingest.predictions import Prediction, PredictionStore
from guard_store.ingest.rows import StoreLabels, label_row
from serving.audit.bodies import BodyRecorder, record_bodies
from serving.audit.context import RequestContext
from serving.audit.service import AuditService
from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.evaluations import metrics
from serving.gateway.evaluations.answers import BAD, GOOD, event_id_of, is_model_id
from serving.gateway.evaluations.schemas import Feedback, StoredFeedback
from serving.gateway.evaluations.service import EvaluationService
from serving.gateway.policy.book import PolicyBook
from serving.http.problems import NotFound, Unprocessable
from serving.http.raw_request import encode_json

_GOOD_FROM = 0.5


class FeedbackService:
    """Stores feedback on evaluated answers."""

    def __init__(
        self,
        database: Database,
        audit: AuditService,
        evaluations: EvaluationService,
        policies: PolicyBook,
        bodies: BodyRecorder,
    ) -> None:
        self._audit = audit
        self._evaluations = evaluations
        self._policies = policies
        self._bodies = bodies
        self._predictions = PredictionStore(database)

    async def store(self, feedback: Feedback, context: RequestContext) -> bytes:
        """Store feedback in one transaction with the request's entry; return the body of the answer once it is durable.

        Raises
        ------
        Unprocessable
            If no project is named, or a comment cannot be kept.
        NotFound
            If the project has no event of that request's answer.
        Forbidden
            If the content policy blocks the comment.
        Unavailable
            If it could not be stored now; sending it again is safe.
        """
        if context.project_id is None:
            reason = "names no project: the key has none of its own, so send the header X-ML-Guard-Project"
            raise _unprocessable("project_id", reason)
        event = await self._find(context.project_id, feedback.request_id)
        if feedback.comment is not None:
            await self._keep_comment(feedback, feedback.comment, context)
        label = _label_of(feedback.value)
        observed_us = now_us()
        y_true = encode_json(label).decode()
        row = label_row(
            event.project_id,
            event.event_id,
            y_true,
            observed_us=observed_us,
            received_us=observed_us,
            request_id=context.request_id,
        )
        context.entry.details.update(feedback_on=event.event_id, feedback=feedback.value)
        answer = StoredFeedback(request_id=feedback.request_id, model_id=event.model_id, label=label)
        body = answer.model_dump_json().encode()
        context.entry.status = HTTPStatus.OK
        await self._audit.commit_answer(context.entry, body, StoreLabels((row,), observed_us, context.request_id))
        metrics.count_feedback(label)
        return body

    async def _find(self, project_id: str, request_id: str) -> Prediction:
        """Return the event of an evaluated answer; raises `NotFound`."""
        await self._evaluations.wait_for(project_id, request_id)
        event = await asyncio.to_thread(self._predictions.get, project_id, event_id_of(request_id))
        if event is None or event.y_pred != f'"{GOOD}"' or not is_model_id(event.model_id):
            raise NotFound(
                f"Project {project_id!r} has no evaluated answer to a request {request_id!r}: send the header x-request-id of the"
                " answer, and set evaluation.share of the project's settings to 1 if every answer is to get feedback (repeated answers have no event)."
            )
        return event

    async def _keep_comment(self, feedback: Feedback, comment: str, context: RequestContext) -> None:
        """Keep a comment with the recorded bodies, as the content policy redacts it."""
        if not await self._bodies.is_enabled(context.project_id):
            reason = "cannot be kept: set audit.bodies of the project's settings to true, or leave it out"
            raise _unprocessable("comment", reason)
        session = PolicySession(self._policies.of(context.project_id), context.route, context.entry)
        redacted = session.request(comment)
        record_bodies(context.entry, session.vault, {**feedback.model_dump(), "comment": redacted})


def _label_of(value: str | float) -> Literal["good", "bad"]:
    if isinstance(value, str):
        return GOOD if value == GOOD else BAD
    return GOOD if value >= _GOOD_FROM else BAD


def _unprocessable(field: str, reason: str) -> Unprocessable:
    return Unprocessable(f"{field} {reason}.", errors=[{"field": field, "reason": reason}])
