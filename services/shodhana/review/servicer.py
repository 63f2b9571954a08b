"""Translates between the review contract and the queue."""

from __future__ import annotations

from shodhana.api.review.v1 import knowledge_pb2_grpc
from shodhana.api.review.v1 import review_pb2_grpc as grpc_api

from .rpcs.bulk import BulkRpcs
from .rpcs.figures import FigureRpcs
from .rpcs.gold import GoldRpcs
from .rpcs.knowledge import KnowledgeRpcs
from .rpcs.notes import NoteRpcs
from .rpcs.queue import QueueRpcs
from .rpcs.reading import ReadingRpcs


class ReviewServicer(QueueRpcs, ReadingRpcs, NoteRpcs, BulkRpcs, GoldRpcs, FigureRpcs, grpc_api.ReviewServiceServicer):
    """The queue, for the caller of each RPC."""


class KnowledgeServicer(KnowledgeRpcs, knowledge_pb2_grpc.KnowledgeServiceServicer):
    """What decisions become."""
