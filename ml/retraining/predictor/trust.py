"""Which types a stored model may hold: skops stores models as names of types and their data, and makes nothing else of them.

Reading models does not belong here; it is in `native`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guard_core.settings.predict import PredictSettings
from ml.retraining.predictor.errors import CorruptModelError, UnsafeModelError, briefly

# Parts of scikit-learn's models that skops does not trust by default: they only hold data, and run no code when loaded.
_TRUSTED = frozenset(
    {
        "ml.retraining.predictor.coded_labels.CodedLabels",
        "numpy.dtype",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.AbsoluteError",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss.loss.HalfSquaredError",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.utils._bunch.Bunch",
    }
)


@dataclass(frozen=True)
class Trust:
    """What models may hold beside plain data.

    Attributes
    ----------
    types : names of types that the operator trusts.
    unsafe : whether any type, and pickles, may be loaded, which can run code that the model's file contains.
    """

    types: frozenset[str] = frozenset()
    unsafe: bool = False

    @classmethod
    def of(cls, settings: PredictSettings) -> "Trust":
        """Return what the operator trusts."""
        return cls(frozenset(settings.trusted_types), settings.load_unsafe_models)

    def types_of(self, model: Any) -> Sequence[str]:
        """Return the types of a fitted model that skops loads only if they are named.

        Raises
        ------
        UnsafeModelError
            If one of them is not trusted, or the model holds something that skops cannot store.
        """
        import skops.io

        try:
            content = skops.io.dumps(model)
        except Exception as error:  # skops passes on what the parts of a model raise
            raise UnsafeModelError(f"The model cannot be stored without a pickle: {briefly(error)}") from error
        return self._trusted_of(skops.io.get_untrusted_types(data=content))

    def types_of_file(self, path: Path) -> Sequence[str]:
        """Return the same for a file of skops, of which nothing is loaded.

        Raises
        ------
        UnsafeModelError
            If a type is not trusted.
        CorruptModelError
            If the file cannot be read.
        """
        import skops.io

        try:
            types = skops.io.get_untrusted_types(file=path)
        except Exception as error:  # damaged archives raise many types of errors
            raise CorruptModelError(f"{path.name} cannot be read: {briefly(error)}") from error
        return self._trusted_of(types)

    def _trusted_of(self, types: Sequence[str]) -> Sequence[str]:
        unknown = sorted(set(types) - _TRUSTED - self.types)
        if unknown and not self.unsafe:
            raise UnsafeModelError(
                f"The model holds types that are not trusted: {', '.join(unknown)}. If everyone who can write to the registry is"
                f" trusted, allow them with ML_GUARD_PREDICT_TRUSTED_TYPES='{json.dumps(sorted(self.types | set(unknown)))}'"
                " (in a script: --trust, once for each)"
            )
        return types


OWN_MODELS = Trust()
"""Trust in plain data and the parts of ML Guard's own candidates."""
