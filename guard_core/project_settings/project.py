"""All settings of a project, and those of one model: the section of its project, overridden by that of the model.

Only fields that were set are stored, so that defaults can change; a section is validated again when it is read.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import Field

from guard_core.project_settings.audit import AuditSettings
from guard_core.project_settings.drift import DriftSettings
from guard_core.project_settings.evaluation import EvaluationSettings
from guard_core.project_settings.labels import LabelSettings
from guard_core.project_settings.predict import PredictSettings
from guard_core.project_settings.promotion import PromotionSettings
from guard_core.project_settings.retrain import RetrainSettings
from guard_core.project_settings.section import Section
from guard_core.project_settings.tools import ToolSettings
from guard_core.project_settings.training import TrainingSpec

S = TypeVar("S", bound=Section)


class ModelSettings(Section):
    """The sections that a model can override field by field."""

    drift: DriftSettings = Field(default_factory=DriftSettings, description="How drift is evaluated.")
    labels: LabelSettings = Field(default_factory=LabelSettings, description="What the labels mean.")
    retrain: RetrainSettings = Field(default_factory=RetrainSettings, description="When retraining is recommended.")
    training: TrainingSpec = Field(default_factory=TrainingSpec, description="What is trained, and on which rows.")
    promotion: PromotionSettings = Field(
        default_factory=PromotionSettings, description="What a candidate must reach to be promoted."
    )
    predict: PredictSettings = Field(default_factory=PredictSettings, description="How predictions are made.")


class ProjectSettings(ModelSettings):
    """A project's settings: `{"drift": {…}, "models": {"<model id>": {"drift": {…}}}}`."""

    audit: AuditSettings = Field(
        default_factory=AuditSettings, description="What the audit trail keeps in addition to the ledger."
    )
    evaluation: EvaluationSettings = Field(
        default_factory=EvaluationSettings, description="Which answers of language models become events."
    )
    tools: ToolSettings = Field(default_factory=ToolSettings, description="Which tools may be called, and how.")
    models: Mapping[str, ModelSettings] = Field(
        default_factory=dict, description="Settings of single models by id; they override those of the project."
    )


_NAMES: Mapping[object, str] = {info.annotation: name for name, info in ProjectSettings.model_fields.items()}


def settings_of_project(settings: Mapping[str, Any], section: type[S]) -> S:
    """Read one section of a project's stored settings.

    Raises
    ------
    ProjectSettingsError
        If a field of the section is wrong.
    """
    return section.from_dict(settings.get(_NAMES[section], {}))


def settings_of_model(settings: Mapping[str, Any], model_id: str, section: type[S]) -> S:
    """Read one section of a model's settings from the stored settings of its project.

    Raises
    ------
    ProjectSettingsError
        If a field of the section is wrong.

    Examples
    --------
    >>> stored = {"drift": {"bins": 20}, "models": {"m": {"drift": {"alpha": 0.01}}}}
    >>> drift = settings_of_model(stored, "m", DriftSettings)
    >>> drift.bins, drift.alpha
    (20, 0.01)
    """
    name = _NAMES[section]
    of_model = settings.get("models", {}).get(model_id, {}).get(name, {})
    return section.from_dict(_merge(settings.get(name, {}), of_model))


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = _merge(merged[name], value) if both else value
    return merged
