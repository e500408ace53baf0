//! Path parameters: the job, execution, queue, schedule, limit or lease of a route.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use jobs::ExecutionId;

use crate::http::response::problem::{Code, Problem};

/// The job id of a path.
pub(in crate::http) struct JobPath(pub(in crate::http) String);

/// The execution id of a path. A malformed id is a 404 `unknown_execution`.
pub(in crate::http) struct ExecutionPath(pub(in crate::http) ExecutionId);

/// The queue name of a path.
pub(in crate::http) struct QueuePath(pub(in crate::http) String);

/// The schedule's name of a path.
pub(in crate::http) struct SchedulePath(pub(in crate::http) String);

/// The token of a lease in a path.
pub(in crate::http) struct LeasePath(pub(in crate::http) String);

impl<S: Send + Sync> FromRequestParts<S> for LeasePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let JobPath(token) = JobPath::from_request_parts(parts, state).await?;
        Ok(Self(token))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SchedulePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let JobPath(schedule) = JobPath::from_request_parts(parts, state).await?;
        Ok(Self(schedule))
    }
}

/// The id of an access token in a path.
pub(in crate::http) struct TokenPath(pub(in crate::http) String);

impl<S: Send + Sync> FromRequestParts<S> for TokenPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let JobPath(id) = JobPath::from_request_parts(parts, state).await?;
        Ok(Self(id))
    }
}

/// The id of a bulk operation in a path.
pub(in crate::http) struct OperationPath(pub(in crate::http) String);

impl<S: Send + Sync> FromRequestParts<S> for OperationPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let JobPath(id) = JobPath::from_request_parts(parts, state).await?;
        Ok(Self(id))
    }
}

/// The name of a limit in a path. A `/` in it is percent-encoded.
pub(in crate::http) struct LimitPath(pub(in crate::http) String);

impl<S: Send + Sync> FromRequestParts<S> for LimitPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let JobPath(limit) = JobPath::from_request_parts(parts, state).await?;
        Ok(Self(limit))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for QueuePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let JobPath(queue) = JobPath::from_request_parts(parts, state).await?;
        Ok(Self(queue))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for JobPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match segment(parts, state).await {
            Ok(id) => Ok(Self(id)),
            Err(_) => Err(Problem::new(Code::NotFound, "the path is not UTF-8")),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ExecutionPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = segment(parts, state).await.ok();
        id.and_then(|id| id.parse().ok())
            .map(Self)
            .ok_or_else(|| Problem::new(Code::UnknownExecution, "the path holds no execution id"))
    }
}

async fn segment<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<String, PathRejection> {
    let Path(segment) = Path::<String>::from_request_parts(parts, state).await?;
    Ok(segment)
}

pub(in crate::http) fn unknown_execution(id: ExecutionId) -> Problem {
    Problem::new(Code::UnknownExecution, format!("no execution {id}"))
}
