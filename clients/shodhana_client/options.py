"""Options and arguments that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

file_path = click.Path(path_type=Path)
folder_path = click.Path(path_type=Path, file_okay=False)


class ProfileName(click.ParamType[Path]):
    """A profile by its name, or a client.json by its path; as that path."""

    name = "name|file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        from .profile import named_profile, profile_names

        path = Path(value)
        if path.suffix == ".json" or len(path.parts) > 1 or path.exists():
            return path
        if named_profile(value).exists():
            return named_profile(value)
        known = ", ".join(profile_names()) or "none"
        return self.fail(f"no profile {value!r}; there are: {known} (shodhana profile set)", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from .profile import profile_names

        return [CompletionItem(name) for name in profile_names() if name.startswith(incomplete)]


class CaseNumber(click.ParamType[int]):
    """A review case by its number, or by its name: 678, reviewCases/678."""

    name = "case"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number = str(value).removeprefix("reviewCases/")
        if number.isascii() and number.isdigit() and int(number) > 0:
            return int(number)
        return self.fail(f"{value!r} is no case: they are called 678, or reviewCases/678", param, ctx)


profile_of = click.option(
    "--profile",
    type=ProfileName(),
    help="The mesh to call.  [default: $SHODHANA_CLIENT, the one found here, or the one chosen by `profile use`]",
)
result_folder = click.option(
    "--output", "-o", type=folder_path, metavar="DIR", help="Folder for the results.  [default: beside each file]"
)
web_of = click.option("--web", is_flag=True, help="Open it in the browser in place of printing it.")


def opened(page: str, profile: Path | None) -> int:
    """The exit code of opening a page of the dashboard."""
    from .commands.session import open_in_browser

    return open_in_browser(page, profile)
