"""The same small read as `EmbeddingService.ListModels`, by FastAPI over plain HTTP: the peer of bench_gateway.py."""

from __future__ import annotations

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Model(BaseModel):
    """A model."""

    modelId: str  # noqa: N815 - as it stands in the JSON
    dimensions: int = 384


class ListModelsResponse(BaseModel):
    """All models."""

    models: list[Model]


@app.get("/v1/embeddings/models")
async def list_models() -> ListModelsResponse:
    return ListModelsResponse(models=[Model(modelId="semantic")])
