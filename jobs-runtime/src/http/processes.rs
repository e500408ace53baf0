//! `GET /processes`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::Interface;
use super::problem::Problem;
use super::query::Parameters;
use crate::store::ProcessRecord;

/// The workers that have a session.
#[derive(Serialize)]
pub(super) struct Processes {
    processes: Vec<ProcessRecord>,
}

pub(super) async fn list(
    State(interface): State<Interface>,
    parameters: Parameters,
) -> Result<Json<Processes>, Problem> {
    parameters.finish()?;
    let processes = interface.service.store().processes().await?;
    Ok(Json(Processes { processes }))
}
