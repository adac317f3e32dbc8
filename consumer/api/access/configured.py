"""From settings to who may do what."""

from __future__ import annotations

from consumer.api.access.alb import LoadBalancer, keys_url
from consumer.api.access.anonymous import Anonymous, is_loopback
from consumer.api.access.keys import load_keys
from consumer.api.access.keys_or import KeysOr
from consumer.api.access.oidc import Claims, Tokens
from consumer.api.access.public_keys import NamedKeys, PublicKeys, checked_url
from consumer.api.access.read_rate_limit import LimitedReads
from consumer.api.access.scopes import Access, Scope
from consumer.config.settings import ServeSettings
from consumer.errors import UsageError


def access_of(options: ServeSettings) -> Access:
    """Returns who may do what.

    Raises:
        UsageError: A setting is missing or wrong, or others than this machine could connect without authentication.
    """
    mode = options.access or ("keys" if options.keys_file is not None else "none")
    if mode == "none":
        return _anonymous(options)
    access = _with_keys(options, {"keys": None, "oidc": _tokens, "alb": _load_balancer}[mode])
    return LimitedReads(access, options.reads_per_s) if options.reads_per_s else access


def _anonymous(options: ServeSettings) -> Access:
    if not is_loopback(options.host):
        raise UsageError(
            f"{options.host} can be reached by others, and no reader would have to authenticate: set serve.access to"
            " keys, oidc or alb, or listen on 127.0.0.1"
        )
    if options.keys_file is not None:
        raise UsageError("serve.access is none, and serve.keys_file would have no effect; leave one of them out")
    return Anonymous()


def _with_keys(options: ServeSettings, other: object) -> Access:
    keys = load_keys(options.keys_file) if options.keys_file is not None else None
    if callable(other):
        access: Access = other(options)
        return access if keys is None else KeysOr(keys, access)
    if keys is None:
        raise UsageError("serve.access is keys; set serve.keys_file to a file that headwater create-key made")
    return keys


def _needed(value: str | None, setting: str, mode: str) -> str:
    if not value:
        raise UsageError(f"serve.access is {mode}; set serve.{setting}")
    return value


def _tokens(options: ServeSettings) -> Access:
    issuer = checked_url(_needed(options.oidc_issuer, "oidc_issuer", "oidc"), "serve.oidc_issuer")
    audience = _needed(options.oidc_audience, "oidc_audience", "oidc")
    url = checked_url(options.oidc_keys_url, "serve.oidc_keys_url") if options.oidc_keys_url else ""
    claims = Claims(issuer, audience, options.oidc_scopes_claim, options.oidc_scopes_prefix)
    return Tokens(claims, PublicKeys(issuer, url))


def _load_balancer(options: ServeSettings) -> Access:
    arn = _needed(options.alb_arn, "alb_arn", "alb")
    own, url = keys_url(arn), options.alb_keys_url
    base = checked_url(url, "serve.alb_keys_url") if url else own
    return LoadBalancer(arn, NamedKeys(base), {Scope(options.alb_scope)})
