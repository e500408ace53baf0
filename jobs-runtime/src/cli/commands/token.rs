//! The command `token`: creates, lists and revokes access tokens.

use serde_json::json;

use crate::cli::args::TokenCommand;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::source::Source;
use crate::cli::table::table;
use crate::{NewToken, TokenError, TokenState, TokenView};

/// Runs an action on tokens.
pub(in crate::cli) async fn run(
    settings: &Settings,
    output: Output,
    command: TokenCommand,
) -> Result<(), Failure> {
    match command {
        TokenCommand::Create {
            role,
            name,
            expires: lasts,
        } => create(settings, output, NewToken { role, name, lasts }).await,
        TokenCommand::List => list(settings, output).await,
        TokenCommand::Revoke { id } => revoke(settings, output, &id).await,
    }
}

/// Creates a token. The token alone goes to standard output, so that a script can keep it.
async fn create(settings: &Settings, output: Output, new: NewToken) -> Result<(), Failure> {
    // A store may get its first token before its first worker.
    let source = Source::create(settings).await?;
    let created = source.create_token(new).await?;
    output.result(&created, |created| created.token.clone())?;
    output.note(&format!(
        "token {} with the role {}: keep it, it cannot be shown again",
        created.view.id, created.view.role
    ));
    Ok(())
}

async fn list(settings: &Settings, output: Output) -> Result<(), Failure> {
    let tokens = Source::open(settings).await?.tokens().await?;
    output.result(&json!({ "tokens": tokens }), |_| {
        table(
            ["TOKEN", "NAME", "ROLE", "STATE", "EXPIRES", "LAST USED"],
            tokens.iter().map(row),
        )
    })
}

fn row(token: &TokenView) -> [String; 6] {
    let state = match token.state {
        TokenState::Valid => "valid",
        TokenState::Expired => "expired",
        TokenState::Revoked => "revoked",
    };
    let time =
        |at: Option<crate::time::Timestamp>| at.map_or("never".to_owned(), |at| at.to_string());
    [
        token.id.clone(),
        token.name.clone(),
        token.role.to_string(),
        state.to_owned(),
        time(token.expires_at),
        time(token.last_used_at),
    ]
}

async fn revoke(settings: &Settings, output: Output, id: &str) -> Result<(), Failure> {
    if !Source::open(settings).await?.revoke_token(id).await? {
        return Err(Failure::usage(format!(
            "there is no valid token `{id}`; `token list` lists the tokens"
        )));
    }
    output.result(&json!({ "id": id, "revoked": true }), |_| {
        format!("{id}  revoked")
    })
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid(_) | TokenError::NoToken => Self::Usage(error.to_string()),
            error => Self::because(&error),
        }
    }
}
