"""Route: predictions of features and texts."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request

from sentiprism.serving.problems import described
from sentiprism.serving.samples import Item, PredictRequest, PredictResponse, check_sample
from sentiprism.serving.service import service_of

router = APIRouter()
T = TypeVar("T")


@router.post("/v1/predict", tags=["predict"], responses=described(400, 422), response_model=PredictResponse)
async def predict(request: Request, given: PredictRequest) -> Any:
    """Predict samples: features or texts of utterances.

    Samples of several requests that arrive within milliseconds are predicted in one batch; a sample has the same
    prediction in any batch.
    """
    service = service_of(request)
    for number, sample in enumerate(given.samples):
        check_sample(sample, service.features, service.card.modalities, f"samples.{number}")
    items = [Item(sample.model_dump(mode="json"), given.contributions) for sample in given.samples]
    found = await unless_gone(request, service.batcher.predict(items, len(await request.body())))
    return {"model": service.card.name, "predictions": found}


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Wait for some work; if the client goes first, the work is cancelled.

    Args:
        request: its body has been read.
        work: to wait for.

    Raises:
        ClientDisconnect: the client has gone.
    """
    working, gone = asyncio.create_task(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, gone):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
