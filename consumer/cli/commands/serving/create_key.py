"""`headwater create-key`: a key for the HTTP API."""

from __future__ import annotations

import click

from consumer.cli.help_text import examples


@click.command(
    name="create-key",
    epilog=examples(
        "headwater create-key ci --scope ingest >> keys.toml",
        "headwater create-key analyst --scope read >> keys.toml",
    ),
)
@click.argument("key_id", metavar="ID")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(["ingest", "read", "admin"]),
    multiple=True,
    required=True,
    help="Permission of the key; may be repeated.",
)
def create_key(key_id: str, scopes: tuple[str, ...]) -> None:
    """Create a key for `headwater serve`.

    Prints the entry for serve.keys_file on stdout, and the key itself, once, on stderr. Only its SHA-256 is in the
    entry.
    """
    from consumer.api.access.keys import new_key  # noqa: PLC0415 -- of the extra `serve`

    key, digest = new_key(key_id)
    listed = ", ".join(f'"{scope}"' for scope in dict.fromkeys(scopes))
    click.echo(f'[[keys]]\nid = "{key_id}"\nsha256 = "{digest}"\nscopes = [{listed}]')
    click.echo(f"key, not stored anywhere: {key}", err=True)
