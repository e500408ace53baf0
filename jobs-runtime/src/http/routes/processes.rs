//! `GET /processes`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::http::Interface;
use crate::http::response::problem::Problem;
use crate::http::request::query::Parameters;
use crate::store::ProcessRecord;

/// The workers that have a session.
#[derive(Serialize)]
pub(in crate::http) struct Processes {
    processes: Vec<ProcessRecord>,
}

pub(in crate::http) async fn list(
    State(interface): State<Interface>,
    parameters: Parameters,
) -> Result<Json<Processes>, Problem> {
    parameters.finish()?;
    let processes = interface.service.store().processes().await?;
    Ok(Json(Processes { processes }))
}
