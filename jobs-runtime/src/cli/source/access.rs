//! Tokens, and the audit log.

use serde::Deserialize;
use serde_json::json;

use super::Source;
use super::executions::known;
use crate::cli::failure::Failure;
use crate::store::{AuditPage, AuditQuery};
use crate::{CreatedToken, NewToken, TokenView};

#[derive(Deserialize)]
struct Tokens {
    tokens: Vec<TokenView>,
}

impl Source {
    /// The tokens without the sign-ins, oldest first.
    pub(in crate::cli) async fn tokens(&self) -> Result<Vec<TokenView>, Failure> {
        match self {
            Self::Local(runtime) => Ok(runtime.service().tokens().await?),
            Self::Remote(client) => {
                let Tokens { tokens } = client.request("listTokens").json().await?;
                Ok(tokens)
            }
        }
    }

    /// Creates a token. Its text is in the answer and nowhere else.
    pub(in crate::cli) async fn create_token(
        &self,
        new: NewToken,
    ) -> Result<CreatedToken, Failure> {
        match self {
            Self::Local(runtime) => Ok(runtime.service().create_token(new).await?),
            Self::Remote(client) => {
                let lasts = new.lasts.map(|lasts| lasts.as_millis());
                let body = json!({
                    "role": new.role,
                    "name": new.name,
                    "expiresInMs": lasts.map(|millis| u64::try_from(millis).unwrap_or(u64::MAX)),
                });
                Ok(client.request("createToken").body(&body).json().await?)
            }
        }
    }

    /// Revokes a token. Returns `false` if it is unknown or was revoked before.
    pub(in crate::cli) async fn revoke_token(&self, id: &str) -> Result<bool, Failure> {
        match self {
            Self::Local(runtime) => Ok(runtime.service().revoke_token(id).await?),
            Self::Remote(client) => {
                let sent = client.request("revokeToken").path(id).send().await;
                Ok(known(sent, "unknown_token")?.is_some())
            }
        }
    }

    /// A page of the audit log, newest first.
    pub(in crate::cli) async fn audit(&self, query: AuditQuery) -> Result<AuditPage, Failure> {
        match self {
            Self::Local(runtime) => Ok(runtime.service().audit(query).await?),
            Self::Remote(client) => {
                let request = client
                    .request("listAudit")
                    .query("limit", Some(query.limit))
                    .query("actor", query.actor)
                    .query("action", query.action)
                    .query("target", query.target)
                    .query("since", query.since)
                    .query("until", query.until)
                    .query("cursor", query.cursor);
                Ok(request.json().await?)
            }
        }
    }
}
