"""Every RPC is a command, made from the contracts."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client.application import tool
from shodhana_client.client import methods_of
from shodhana_client.services import SERVICES

if TYPE_CHECKING:
    from conftest import Gateway

Tool = Callable[..., Any]


def commands(group: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below, with its words."""
    yield path, group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            assert found is not None
            yield from commands(found, *path, name)


COMMANDS = dict(commands(tool))


def test_every_rpc_that_takes_one_request_is_a_command_with_a_flag_for_each_field() -> None:
    for name, service in SERVICES.items():
        for method in methods_of(service):
            found = [
                path
                for path in COMMANDS
                if path[:2] == ("rpc", name) and path[-1].replace("-", "") == method.name.lower()
            ]
            assert len(found) == (not method.client_streaming), method.full_name
            for path in found:
                flags = {parameter.name for parameter in COMMANDS[path].params}
                own = {"data", "profile", "as_json", "jq"}
                assert flags == {field.name for field in method.input_type.fields} | own


def is_named(command: str, method: str) -> bool:
    return command.replace("-", "") == method.lower()


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_help_has_an_example(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(tool, [*path, "--help"], terminal_width=200)
    assert shown.exit_code == 0
    _, _, examples = shown.stdout.partition("Example")
    assert f"shodhana {' '.join(path)}".strip() in examples


def test_flags_are_read_as_the_contract_says(gateway: Gateway, shodhana: Tool, tmp_path: Path) -> None:
    (tmp_path / "talk.srt").write_bytes(b"baki")
    file = json.dumps({"filename": "a.srt", "content": base64.b64encode(b"baki").decode()})
    done = shodhana("rpc", "transcripts", "correct-transcript", "--file", file, "--include-cues")
    assert json.loads(done.stdout)["filename"] == "a.corrected.srt"
    (_, request, *_) = gateway.calls[0]
    assert (request.file.content, request.include_cues) == (b"baki", True)
    assert len(request.request_id) == 36


def test_enums_are_named_in_full_or_short(gateway: Gateway, shodhana: Tool) -> None:
    for word in ("JOB_FILE_STATE_FAILED", "failed"):
        shodhana("rpc", "transcripts", "create-job", "--data", '{"files": [{}]}')
        done = shodhana("rpc", "transcripts", "list-job-files", "--parent", "jobs/1", "--state", word)
        assert done.exit_code == 0, done.stderr
        assert gateway.calls[-1][1].state == pb.JOB_FILE_STATE_FAILED


def test_a_request_may_come_from_a_file_and_flags_win(gateway: Gateway, shodhana: Tool, tmp_path: Path) -> None:
    data = tmp_path / "request.json"
    data.write_text('{"items": [{"heard": "baki"}, {"heard": "samadi"}], "limit": 2}')
    done = shodhana("rpc", "transcripts", "suggest-terms", "--data", f"@{data}", "--limit", 3)
    assert len(json.loads(done.stdout)["suggestions"]) == 2
    assert gateway.calls[0][1].limit == 3


def test_a_stream_prints_each_frame(gateway: Gateway, shodhana: Tool) -> None:
    gateway.watches = [[pb.WatchJobResponse(job=pb.Job(file_count=1)), pb.WatchJobResponse(done=pb.Job())]]
    gateway.left.set()
    assert shodhana("rpc", "transcripts", "watch-job", "--name", "jobs/1").stdout.count("\n}\n") == 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--limit", "many"), "'many' is not a valid integer"),
        (("--limti", "3"), "No such option '--limti'"),
        (("--data", "{"), "is no JSON"),
        (("--data", '{"itmes": []}'), 'no field named "itmes"'),
        (("--items", "[1]"), "items"),
    ],
)
def test_a_request_that_cannot_be_made_is_usage(
    gateway: Gateway, shodhana: Tool, flags: tuple[str, ...], message: str
) -> None:
    refused = shodhana("rpc", "transcripts", "suggest-terms", *flags)
    assert (refused.exit_code, gateway.calls) == (2, [])
    assert message in refused.stderr


def test_a_value_that_an_enum_has_not_is_named_with_those_it_has(shodhana: Tool) -> None:
    refused = shodhana("rpc", "review", "decide-case", "--verdict", "approve")
    assert "'approve' is none of accept, correct, reject" in refused.stderr
