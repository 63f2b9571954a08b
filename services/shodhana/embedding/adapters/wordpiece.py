"""The tokenizer of a sentence-transformers model, without its model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from ..domain.engine import TokenIds


class WordPiece:
    """Token ids from `tokenizer.json`, special tokens included, nothing cut off."""

    def __init__(self, directory: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        settings = directory / "sentence_bert_config.json"
        self.max_tokens: int = json.loads(settings.read_text())["max_seq_length"] if settings.exists() else 512

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]

    def cut(self, ids: TokenIds, from_start: bool) -> list[int]:
        """At most `max_tokens`, the first and last special token kept."""
        inner = self.max_tokens - 2
        kept = ids[-1 - inner : -1] if from_start else ids[1 : 1 + inner]
        return [ids[0], *kept, ids[-1]]
