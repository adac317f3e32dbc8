"""Places among the tokens of a text: calls of functions, and what stands in their parentheses."""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlglot import Token, TokenType

TRINO: Final = frozenset({"athena", "presto", "trino"})
"""The dialects of Trino."""

OPENS: Final = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET})
CLOSES: Final = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET})


def calls(tokens: Sequence[Token], names: frozenset[str]) -> Iterator[int]:
    """Yields the places of names before a parenthesis; the names are given in capitals."""
    for place, token in enumerate(tokens[:-1]):
        quoted = token.token_type == TokenType.IDENTIFIER
        if not quoted and token.text.upper() in names and tokens[place + 1].token_type == TokenType.L_PAREN:
            yield place


def inside(tokens: Sequence[Token], opening: int) -> Iterator[tuple[int, int]]:
    """Yields places between a parenthesis and the one that closes it, with their depth; that of its own items is 1."""
    depth = 1
    for place in range(opening + 1, len(tokens)):
        kind = tokens[place].token_type
        depth -= kind in CLOSES
        if depth == 0:
            return
        # A parenthesis belongs to the item that it is in, so both of a pair are one deeper than the item.
        yield place, depth + (kind in CLOSES)
        depth += kind in OPENS


def is_as(token: Token) -> bool:
    """True for the word AS."""
    return token.token_type == TokenType.ALIAS
