"""The door: a call is identified, allowed, counted and written down, whatever protocol it came by."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc
import structlog

from amira_core import errors
from amira_core.settings import BadSettingsError
from amira_gateway import metrics
from amira_gateway.access.api_keys import ApiKeys
from amira_gateway.access.audit import AuditLog
from amira_gateway.access.authenticator import Authenticator, Metadata
from amira_gateway.access.call_record import CURRENT, CallRecord
from amira_gateway.access.identity import Identity, Limits, Scope
from amira_gateway.access.settings import AccessSettings
from amira_gateway.access.tenants import Tenants
from amira_gateway.access.tokens import TokenRules, Tokens

_log = structlog.get_logger(__name__)


class Door:
    """What every way into the gateway goes through."""

    def __init__(self, authenticator: Authenticator, tenants: Tenants, audit: AuditLog) -> None:
        self._authenticator = authenticator
        self.tenants = tenants
        self._audit = audit

    @classmethod
    def of(cls, settings: AccessSettings) -> Door:
        """Raises BadSettingsError when settings do not go together or a file cannot be used."""
        api_keys = ApiKeys(Path(settings.api_keys_file)) if settings.api_keys_file else None
        authenticator = Authenticator(api_keys, _tokens(settings))
        if not authenticator.required:
            _log.warning(
                "open_to_everybody",
                hint="whoever reaches the port may use it: set API_KEYS_FILE or JWKS_FILE to change that",
            )
        default = Limits(
            max_streams=settings.tenant_max_streams or None,
            audio_s_per_minute=settings.tenant_audio_s_per_minute or None,
        )
        return cls(authenticator, Tenants(default, authenticator.limits), AuditLog())

    @contextmanager
    def call(self, record: CallRecord, metadata: Metadata, scope: Scope) -> Iterator[CallRecord]:
        """Holds a call that needs `scope`; inside, the present task works for `record`.

        Raises:
            UnauthenticatedError: no key or token, or a wrong one.
            PermissionDeniedError: not with this key or token.
            TenantLimitError: too many calls at once.
        """
        with ExitStack() as held:
            try:
                record.identity = self._authenticator.identify(metadata)
                _allow(record.identity, scope)
                held.enter_context(self.tenants.call(record.identity))
            except errors.AmiraError as refusal:
                self._audit.refused(record, refusal.reason, refusal.message)
                metrics.refused(refusal.reason)
                raise
            record.tenants = self.tenants
            CURRENT.set(record)
            try:
                yield record
            except BaseException as error:
                record.status = record.status or _status(error)
                raise
            finally:
                if self._authenticator.required:
                    self._audit.ended(record, record.status or grpc.StatusCode.OK.name)


def _allow(identity: Identity, scope: Scope) -> None:
    if not identity.may(scope):
        raise errors.PermissionDeniedError(
            f"This needs a key or token with the scope `{scope}`: ask for one."
        )


def _status(error: BaseException) -> str:
    """For the audit log. grpc's InternalError: a write to a client that has gone."""
    if isinstance(error, errors.AmiraError):
        return error.reason
    if isinstance(error, (asyncio.CancelledError, grpc.aio.InternalError)):
        return grpc.StatusCode.CANCELLED.name
    return errors.InternalError.reason


def _tokens(settings: AccessSettings) -> Tokens | None:
    if not settings.jwks_file:
        return None
    for name in ("jwt_issuer", "jwt_audience", "jwt_tenant_claim"):
        if not getattr(settings, name):
            prefix = type(settings).model_config.get("env_prefix", "")
            raise BadSettingsError(f"{prefix}JWKS_FILE is set, but {prefix}{name.upper()} is not: set both")
    rules = TokenRules(
        settings.jwt_issuer, settings.jwt_audience, settings.jwt_leeway_s, settings.jwt_tenant_claim
    )
    return Tokens(Path(settings.jwks_file), rules)
