"""What a caller is told over gRPC: vectors as bytes, tokens, truncation, errors text by text, models."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest
from google.rpc import code_pb2, error_details_pb2
from grpc_status import rpc_status
from shodhana.api.embedding.v1 import embedding_pb2 as pb

DIMENSIONS = 384
BYPASS = pb.CACHE_POLICY_BYPASS
LONG = "the seer rests in its own form " * 60  # more than the model's 256 tokens
TEXTS = ["bhakti", "the self that is never born", "prārabdha karma is the arrow that has left the bow", "oṃ", "yoga"]
MODELS = ("semantic", "phonetic")


def matrix(response: Any) -> Any:
    kind = "<f2" if response.encoding == pb.VECTOR_ENCODING_F16 else "<f4"
    return np.frombuffer(response.vectors, kind).reshape(response.count, response.dimensions).astype(np.float32)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("encoding", "sent", "size"),
    [
        (pb.VECTOR_ENCODING_UNSPECIFIED, pb.VECTOR_ENCODING_F32, 4),
        (pb.VECTOR_ENCODING_F32, pb.VECTOR_ENCODING_F32, 4),
        (pb.VECTOR_ENCODING_F16, pb.VECTOR_ENCODING_F16, 2),
    ],
)
async def test_vectors_come_as_little_endian_rows_of_unit_length(
    caller: Any, model: str, encoding: int, sent: int, size: int
) -> None:
    answer = await caller.embed(*TEXTS, model=model, encoding=encoding)
    assert (answer.count, answer.dimensions, answer.encoding) == (len(TEXTS), DIMENSIONS, sent)
    assert len(answer.vectors) == len(TEXTS) * DIMENSIONS * size
    assert np.linalg.norm(matrix(answer), axis=1) == pytest.approx(1, abs=2e-3 if size == 2 else 1e-4)


async def test_half_and_single_precision_are_the_same_vectors(caller: Any) -> None:
    single = matrix(await caller.embed(*TEXTS, encoding=pb.VECTOR_ENCODING_F32))
    half = matrix(await caller.embed(*TEXTS, encoding=pb.VECTOR_ENCODING_F16))
    assert (single * half).sum(axis=1) == pytest.approx(1, abs=1e-3)
    assert (single @ single.T).argsort(axis=1).tolist() == (half @ half.T).argsort(axis=1).tolist()


@pytest.mark.parametrize("model", MODELS)
async def test_a_text_alone_and_among_others_has_the_same_vector(caller: Any, model: str) -> None:
    texts = [*TEXTS, LONG, *(f"line {number} of a lecture on the field" for number in range(10))]
    together = matrix(await caller.embed(*texts, model=model, cache=BYPASS))
    alone = np.concatenate([matrix(await caller.embed(text, model=model, cache=BYPASS)) for text in texts])
    assert (together * alone).sum(axis=1).min() >= 0.9999


async def test_meaning_is_nearer_than_other_words(caller: Any) -> None:
    love, devotion, engine = matrix(await caller.embed("love of God", "devotion to the Lord", "a steam engine"))
    assert love @ devotion > love @ engine + 0.3


async def test_token_counts_are_those_before_truncation_and_a_cut_is_told(caller: Any) -> None:
    answer = await caller.embed("yoga", LONG)
    counted = await caller.call("Tokenize", pb.TokenizeRequest(model="semantic", texts=["yoga", LONG]))
    assert list(answer.token_counts) == list(counted.token_counts)
    assert answer.token_counts[0] < 8 < counted.max_tokens < answer.token_counts[1]
    assert list(answer.truncated) == [False, True]


async def test_the_end_or_the_start_of_a_long_text_is_cut(caller: Any) -> None:
    text = f"a steam engine on rails {LONG} devotion to the Lord"
    start, end = matrix(await caller.embed(f"a steam engine on rails {LONG}", f"{LONG} devotion to the Lord"))
    by_end = matrix(await caller.embed(text, truncation=pb.TRUNCATION_END))[0]
    by_start = matrix(await caller.embed(text, truncation=pb.TRUNCATION_START))[0]
    assert by_end @ start > 0.9999
    assert by_start @ end < by_start @ by_start
    assert matrix(await caller.embed(text))[0] @ by_end > 0.9999
    assert by_start @ by_end < 0.999


@pytest.mark.parametrize("cache", [pb.CACHE_POLICY_USE, BYPASS])
async def test_where_truncation_is_an_error_the_other_texts_are_answered(caller: Any, cache: int) -> None:
    for _ in range(2):  # the second time the others come from the cache
        answer = await caller.embed("yoga", LONG, "japa", truncation=pb.TRUNCATION_ERROR, cache=cache)
        [error] = answer.errors
        assert (error.index, error.status.code) == (1, code_pb2.INVALID_ARGUMENT)
        info = error_details_pb2.ErrorInfo()
        assert error.status.details[0].Unpack(info)
        assert info.reason == "TEXT_TOO_LONG"
        norms = np.linalg.norm(matrix(answer), axis=1)
        assert norms == pytest.approx([1, 0, 1], abs=1e-3)
        assert list(answer.truncated) == [False] * 3
        assert answer.token_counts[1] > 256


@pytest.mark.parametrize("encoding", [pb.VECTOR_ENCODING_F32, pb.VECTOR_ENCODING_F16])
async def test_fewer_dimensions_are_the_first_ones_of_unit_length_again(caller: Any, encoding: int) -> None:
    whole = matrix(await caller.embed(*TEXTS))
    answer = await caller.embed(*TEXTS, dimensions=64, encoding=encoding)
    assert answer.dimensions == 64
    first = whole[:, :64] / np.linalg.norm(whole[:, :64], axis=1, keepdims=True)
    assert matrix(answer) == pytest.approx(first, abs=2e-3)


async def test_more_dimensions_than_there_are_are_refused(caller: Any) -> None:
    assert await refused(caller.embed("yoga", dimensions=385)) == (grpc.StatusCode.INVALID_ARGUMENT, "dimensions")


async def test_a_prompt_stands_before_every_text(caller: Any) -> None:
    prompted = matrix(await caller.embed("yoga", "japa", prompt="the meaning of"))
    spelled = matrix(await caller.embed("the meaning of yoga", "the meaning of japa"))
    assert (prompted * spelled).sum(axis=1) == pytest.approx(1, abs=1e-3)


async def test_both_models_are_listed_with_their_fingerprints(caller: Any, connect: Any, replica: Any) -> None:
    listed = (await caller.call("ListModels", pb.ListModelsRequest())).models
    assert [(model.model_id, model.dimensions, model.ready) for model in listed] == [
        ("phonetic", DIMENSIONS, True),
        ("semantic", DIMENSIONS, True),
    ]
    for model in listed:
        answer = await caller.embed("yoga", model=model.model_id)
        assert answer.model_fingerprint == model.fingerprint
        assert model.engine
        assert model.max_tokens > 0
    assert len({model.fingerprint for model in listed}) == 2


async def test_an_answer_says_where_its_time_went(caller: Any) -> None:
    timings = (await caller.embed("where does the time go", cache=BYPASS)).timings
    total = timings.total.ToTimedelta()
    assert total >= timings.inference.ToTimedelta() > timings.queue.ToTimedelta() - total
    assert timings.inference.ToTimedelta().total_seconds() > 0


async def test_an_unknown_model_is_not_found(caller: Any) -> None:
    assert await refused(caller.embed("yoga", model="poetic")) == (grpc.StatusCode.NOT_FOUND, "MODEL_UNKNOWN")


@pytest.mark.parametrize(
    ("texts", "field"),
    [((), "texts"), (("",), "texts[0]"), (("x" * 8193,), "texts[0]"), (("x",) * 513, "texts")],
)
async def test_what_the_contract_rules_out_is_refused_by_its_field(
    caller: Any, texts: tuple[str, ...], field: str
) -> None:
    assert await refused(caller.embed(*texts)) == (grpc.StatusCode.INVALID_ARGUMENT, field)


async def test_the_most_texts_are_one_call(caller: Any) -> None:
    answer = await caller.embed(*(f"term{number}" for number in range(512)), model="phonetic")
    assert answer.count == len(answer.token_counts) == len(answer.cached) == 512


async def test_without_the_permission_nothing_is_embedded(connect: Any, replica: Any) -> None:
    stranger = connect(replica, permissions=["reports:read"])
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stranger.embed("yoga")
    assert raised.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_stream_answers_in_order_and_goes_on_after_an_error(caller: Any) -> None:
    async def requests() -> AsyncIterator[pb.EmbedStreamRequest]:
        for number, model in enumerate(["semantic", "poetic", "phonetic", "semantic"]):
            request = pb.EmbedRequest(model=model, texts=[f"text {number}"] * (number + 1))
            yield pb.EmbedStreamRequest(batch_id=f"batch-{number}", request=request)

    answers = [answer async for answer in caller.stream(requests())]
    assert [answer.batch_id for answer in answers] == ["batch-0", "batch-1", "batch-2", "batch-3"]
    assert [answer.WhichOneof("outcome") for answer in answers] == ["response", "error", "response", "response"]
    assert answers[1].error.code == code_pb2.NOT_FOUND
    assert [answer.response.count for answer in answers] == [1, 0, 3, 4]


async def refused(call: Any) -> tuple[grpc.StatusCode, str]:
    """Code, and the field or else the reason, that a call is refused with."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    reason, field = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in rpc_status.from_call(raised.value).details:
        detail.Unpack(reason)
        detail.Unpack(field)
    fields = [violation.field for violation in field.field_violations]
    return raised.value.code(), fields[0] if fields else reason.reason
