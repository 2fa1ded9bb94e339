"""Delivery of alerts: routes, timeouts and retries."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from guard_core.settings.group import Group, Positive


class AlertSettings(Group):
    """Group `alert` of the settings."""

    title = "Alerts"
    prefix = "ALERT_"

    routes: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")], SecretStr] = Field(
        {},
        description="Where alerts are sent: JSON `{name: URL}`, such as"
        ' `{"oncall": "mailtos://user:password@smtp.example.com?to=oncall@example.com"}`.',
    )
    report_route: str | None = Field(
        None,
        description="Name of the route that is sent the monthly report of each model on the first days of the next month;"
        " without one, none is sent.",
    )
    timeout_s: Positive = Field(15, description="Seconds that sending one message may take.")
    retry_s: Positive = Field(
        5, description="Seconds before a message is sent again after a failure, doubled each time, an hour at most."
    )
    attempts: Positive = Field(12, description="Attempts at sending a message before it is given up, visibly.")

    @model_validator(mode="after")
    def _require_route(self) -> Self:
        if self.report_route is not None and self.report_route not in self.routes:
            raise ValueError(f"report_route: ML_GUARD_ALERT_ROUTES has no route {self.report_route!r}; add it there")
        return self
