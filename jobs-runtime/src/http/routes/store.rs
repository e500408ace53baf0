//! `GET /store`: the kind of the store, its migrations, and the size of its tables.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::ApiState;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::Problem;
use crate::http::route_doc::{Answer, RouteDoc};
use crate::store::{MigrationStatus, StoreSizes};

/// The store.
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct StoreView {
    /// The kind: `sqlite` or `postgres`.
    kind: &'static str,
    /// The location, without secrets.
    location: String,
    /// The failures that an acknowledged write survives.
    durability: String,
    #[serde(flatten)]
    sizes: StoreSizes,
    /// The migrations of its layout.
    migrations: Vec<MigrationStatus>,
}

pub(in crate::http) const SHOW: RouteDoc = RouteDoc::new(
    "getStore",
    "what the store is, and the size of its tables",
    &[Answer::json::<StoreView>(StatusCode::OK, "the store")],
);

pub(in crate::http) async fn show(
    State(api): State<ApiState>,
    parameters: QueryParameters,
) -> Result<Json<StoreView>, Problem> {
    parameters.finish(&[])?;
    let store = api.service.store();
    let described = store.describe();
    Ok(Json(StoreView {
        kind: described.kind,
        location: described.location,
        durability: described.durability,
        sizes: store.sizes().await?,
        migrations: store.migrations().await?,
    }))
}
