"""Typed errors of experiments."""

from __future__ import annotations

from modelstudio.errors import NotFound


class ExperimentNotFound(NotFound):
    """The caller sees the model, which has no such experiment."""

    def __init__(self, model_rid: str, experiment_rid: str) -> None:
        super().__init__(experimentRid=experiment_rid, modelRid=model_rid)


class ModelExperimentNotFound(NotFound):
    def __init__(self, model_rid: str, experiment_rid: str) -> None:
        super().__init__(modelRid=model_rid, experimentRid=experiment_rid)


class ExperimentSeriesNotFound(NotFound):
    def __init__(self, model_rid: str, experiment_rid: str, series_name: str) -> None:
        super().__init__(modelRid=model_rid, experimentRid=experiment_rid, seriesName=series_name)


class ExperimentArtifactNotFound(NotFound):
    def __init__(
        self,
        model_rid: str,
        experiment_rid: str,
        artifact_name: str,
        description: str | None = None,
    ) -> None:
        super().__init__(
            description,
            modelRid=model_rid,
            experimentRid=experiment_rid,
            artifactName=artifact_name,
        )
