"""`--json FIELDS` and `--jq`, as gh has them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Gateway

Tool = Callable[..., Any]


@pytest.fixture(autouse=True)
def answering(gateway: Gateway) -> None:
    """The gateway answers whatever is asked."""


def test_fields_are_picked_from_a_list_and_from_one(shodhana: Tool) -> None:
    listed = shodhana("verses", "list", "--json", "reference,metre")
    assert json.loads(listed.stdout) == [{"reference": "BG 2.47", "metre": "anuṣṭubh (pathyā)"}]
    one = shodhana("verses", "show", "BG 2.47", "--json=reference")
    assert json.loads(one.stdout) == {"reference": "BG 2.47"}


def test_what_names_no_field_is_an_argument(shodhana: Tool, gateway: Gateway) -> None:
    whole = json.loads(shodhana("verses", "show", "--json", "BG 2.47").stdout)
    assert {"name", "reference", "lines"} <= set(whole)
    assert gateway.calls[0][1].name == "verses/BG 2.47"


def test_an_unknown_field_is_refused_with_those_there_are_before_anything_is_called(
    shodhana: Tool, gateway: Gateway
) -> None:
    for words in (("verses", "list", "--json", "referense"), ("rpc", "verses", "list-verses", "--json", "foo")):
        refused = shodhana(*words)
        assert (refused.exit_code, refused.stdout, gateway.calls) == (2, "", [])
        assert "unknown field" in refused.stderr
        assert "\n  reference\n" in refused.stderr


def test_a_page_of_an_rpc_gives_its_items_where_their_fields_are_asked_for(shodhana: Tool) -> None:
    items = shodhana("rpc", "verses", "list-verses", "--json", "reference")
    assert json.loads(items.stdout) == [{"reference": "BG 2.47"}]
    whole = shodhana("rpc", "verses", "list-verses", "--json", "total_size")
    assert json.loads(whole.stdout) == {"total_size": "30"} or json.loads(whole.stdout) == {"total_size": 30}


def test_jq_means_json_and_prints_texts_plainly(shodhana: Tool) -> None:
    found = shodhana("verses", "list", "--jq", ".[] | .reference, {metre}")
    assert found.stdout == 'BG 2.47\n{"metre": "anuṣṭubh (pathyā)"}\n'
    narrowed = shodhana("verses", "list", "--json", "metre", "--jq", ".[0] | keys[]")
    assert narrowed.stdout == "metre\n"


def test_an_expression_that_is_none_or_fails_is_told(shodhana: Tool) -> None:
    broken = shodhana("verses", "list", "--jq", ".[")
    assert (broken.exit_code, "--jq: jq: error" in broken.stderr) == (2, True)
    failing = shodhana("verses", "list", "--jq", ".reference")
    assert (failing.exit_code, "--jq: " in failing.stderr) == (1, True)


def test_without_the_package_jq_says_how_to_get_it(shodhana: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jq", None)
    refused = shodhana("verses", "list", "--jq", ".")
    assert (refused.exit_code, "pip install jq" in refused.stderr) == (2, True)


@pytest.mark.parametrize("words", [("process",), ("score",)])
def test_the_fields_that_are_offered_are_those_that_are_printed(
    shodhana: Tool, tmp_path: Path, words: tuple[str, ...]
) -> None:
    talk = tmp_path / "talk.srt"
    talk.write_text("x")
    printed = set(json.loads(shodhana(*words, talk, "--json").stdout))
    refused = shodhana(*words, talk, "--json=filenames,scoress")
    offered = {line.strip() for line in refused.stderr.partition("there are:")[2].splitlines() if line.strip()}
    assert offered == printed
