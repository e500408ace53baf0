//! The interface under test with a SQLite store, test jobs and a scripted worker.

use std::sync::Arc;
use std::time::Duration;

use ::jobs::AttemptOutcome;
use ::jobs::{Catalogue, Clock, ErrorKind, ExecutionError, ExecutionId, JobError, job};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use jobs_runtime::health::Health;
use jobs_runtime::store::sqlite::SqliteStore;
use jobs_runtime::store::{
    AttemptEnd, Caps, Claim, Claimed, ExecutionPolicy, ExecutionQuery, NewExecution, Next, Permits,
    SessionId, SessionInfo, Settlement, Store, WriteAnswer as Settled,
};
use jobs_runtime::time::Timestamp;
use jobs_runtime::{Entropy, JobService, SystemClock};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower::ServiceExt;

pub(crate) const API: &str = "/api/v1/workers";

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Member {
    pub(crate) member_id: String,
}

/// Creates a member of a workspace.
#[job(id = "provision-member", rename_all = "camelCase", tags = ["workspace"], deny_unknown)]
pub(crate) async fn provision_member(
    #[schemars(length(min = 1))] workspace_id: String,
    subject: String,
    #[default("member")] role: String,
) -> Result<Member, JobError> {
    Ok(Member {
        member_id: format!("{workspace_id}/{subject}/{role}"),
    })
}

/// Sends a letter.
#[job(id = "send-letter", aliases = ["post-letter"], queue = "mail", priority = "high")]
pub(crate) async fn send_letter(
    to: String,
    #[sensitive] pin: Option<u32>,
    #[default(1)] copies: u8,
) -> Result<(), JobError> {
    drop((to, pin, copies));
    Ok(())
}

/// Is disabled.
#[job(id = "resting", enabled = false)]
pub(crate) async fn resting() -> Result<(), JobError> {
    Ok(())
}

/// Ships a parcel. An external program executes it.
#[job(id = "ship-parcel")]
pub(crate) async fn ship_parcel(to: String) -> Result<(), JobError>;

/// The router with its service and its store.
pub(crate) struct Api {
    pub(crate) service: JobService,
    pub(crate) health: Arc<Health>,
    pub(crate) store: Arc<dyn Store>,
    router: Router,
}

impl Api {
    pub(crate) async fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock::new())).await
    }

    pub(crate) async fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self::on("sqlite::memory:", clock).await
    }

    pub(crate) async fn on(database: &str, clock: Arc<dyn Clock>) -> Self {
        let store = SqliteStore::open(&database.parse().unwrap()).await.unwrap();
        Self::over(Arc::new(store), clock).await
    }

    /// The interface over a store that is open.
    pub(crate) async fn over(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        store.migrate().await.unwrap();
        let catalogue = Arc::new(Catalogue::linked().unwrap());
        let entropy = Arc::new(Entropy::seeded(7));
        let service = JobService::new(store.clone(), catalogue, clock.clone(), entropy).unwrap();
        service.publish().await.unwrap();
        let health = Arc::new(Health::new(store.clone(), clock));
        health.started();
        let router = jobs_runtime::http::router(service.clone(), health.clone());
        Self {
            service,
            health,
            store,
            router,
        }
    }

    /// The interface of another process on the same store.
    pub(crate) fn on_store_of(api: &Self) -> Self {
        let (service, health) = (api.service.clone(), api.health.clone());
        Self {
            router: jobs_runtime::http::router(service.clone(), health.clone()),
            service,
            health,
            store: api.store.clone(),
        }
    }

    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(request("GET", path).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(request("DELETE", path).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn post(&self, path: &str, body: impl ToString) -> Answer {
        let request = request("POST", path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        self.send(request).await
    }

    /// Triggers a job and returns the new execution's id.
    pub(crate) async fn trigger(&self, job: &str, body: Value) -> String {
        let answer = self.post(&format!("{API}/jobs/{job}/trigger"), body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
        answer.body["executionId"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Self::ask(self.router(), request).await
    }

    pub(crate) async fn ask(router: Router, request: Request<Body>) -> Answer {
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let headers = response.headers().clone();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Answer {
            status,
            headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }

    /// Enqueues an execution directly into the store, as another version of the program would do.
    pub(crate) async fn store_raw(&self, job: &str) -> String {
        let mut random = [0; 10];
        fastrand::fill(&mut random);
        let id = ExecutionId::from_parts(now().into(), random);
        let execution = NewExecution {
            policy: ExecutionPolicy {
                timeout_ms: None,
                max_attempts: 1,
                retry_delays_ms: Vec::new(),
                retry_jitter: 0.0,
            },
            ..NewExecution::new(id, job, now())
        };
        self.store.enqueue(vec![execution]).await.unwrap();
        id.to_string()
    }

    /// Runs a promotion, which includes a pass of the permit allocator.
    pub(crate) async fn promote(&self) {
        self.store.promote(now(), 1_000).await.unwrap();
    }

    pub(crate) async fn patch(&self, path: &str, body: impl ToString) -> Answer {
        let request = request("PATCH", path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        self.send(request).await
    }

    /// Returns the number of stored executions.
    pub(crate) async fn stored(&self) -> usize {
        let page = self
            .store
            .list_executions(ExecutionQuery::newest(1_000))
            .await
            .unwrap();
        page.executions.len()
    }

    pub(crate) async fn worker(&self) -> Worker {
        self.worker_for(&["provision-member", "send-letter"], &[])
            .await
    }

    /// Opens a session for these jobs and queues.
    pub(crate) async fn worker_for(&self, jobs: &[&str], queues: &[&str]) -> Worker {
        self.worker_of(jobs, queues, &[]).await
    }

    /// Opens a session for these jobs and queues, of a program with these fingerprints of jobs.
    pub(crate) async fn worker_of(
        &self,
        jobs: &[&str],
        queues: &[&str],
        fingerprints: &[&str],
    ) -> Worker {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let info = SessionInfo {
            worker: "test".to_owned(),
            opened_at: now(),
            job_ids: owned(jobs),
            queues: owned(queues),
            labels: Vec::new(),
            slot_caps: Vec::new(),
            fingerprints: owned(fingerprints),
            lease: Duration::from_secs(30),
        };
        Worker {
            store: self.store.clone(),
            job_ids: info.job_ids.clone(),
            session: self.store.open_session(info).await.unwrap(),
            claims: 0,
        }
    }
}

/// Returns a request as curl would send it.
pub(crate) fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost:8091")
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// Asserts a problem response with this status and code.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) -> &Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["code"], code, "{}", self.body);
        assert_eq!(self.body["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(self.body[member].is_string(), "{member}: {}", self.body);
        }
        &self.body
    }

    #[track_caller]
    pub(crate) fn is_ok(&self) -> &Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        &self.body
    }

    /// Returns the pointers of the violations.
    pub(crate) fn pointers(&self) -> Vec<&str> {
        let violations = self.body["violations"].as_array().unwrap();
        violations
            .iter()
            .map(|violation| violation["pointer"].as_str().unwrap())
            .collect()
    }
}

/// A scripted worker.
pub(crate) struct Worker {
    store: Arc<dyn Store>,
    session: SessionId,
    job_ids: Vec<String>,
    claims: i64,
}

impl Worker {
    pub(crate) async fn claim(&mut self) -> Claimed {
        self.claims += 1;
        let claim = Claim {
            session: self.session,
            number: self.claims,
            job_ids: self.job_ids.clone(),
            queues: Vec::new(),
            except: Vec::new(),
            only: Vec::new(),
            limit: 1,
            caps: Caps::default(),
            now: now(),
        };
        self.store.claim(claim).await.unwrap().pop().unwrap()
    }

    pub(crate) async fn succeed(&self, claimed: Claimed, result: &str) {
        let next = Next::Succeed(result.to_owned());
        self.settle(claimed, AttemptOutcome::Succeeded, None, next)
            .await;
    }

    pub(crate) async fn fail(&self, claimed: Claimed, message: &str) {
        let error = ExecutionError {
            kind: ErrorKind::Permanent,
            message: message.to_owned(),
        };
        self.settle(claimed, AttemptOutcome::Failed, Some(error), Next::Fail)
            .await;
    }

    /// Settles an attempt as timed out while its handler still runs and retains its permits.
    pub(crate) async fn fail_while_it_runs(&self, claimed: Claimed) {
        let error = ExecutionError {
            kind: ErrorKind::TimedOut,
            message: "out of time".to_owned(),
        };
        let permits = Some(Permits {
            retained: true,
            ..Permits::default()
        });
        let outcome = AttemptOutcome::TimedOut;
        self.settle_with(claimed, outcome, Some(error), Next::Fail, permits)
            .await;
    }

    pub(crate) async fn retry_later(&self, claimed: Claimed, message: &str) {
        let error = ExecutionError {
            kind: ErrorKind::Failed,
            message: message.to_owned(),
        };
        let next = Next::RetryAt(now().after(Duration::from_secs(60)));
        self.settle(claimed, AttemptOutcome::Failed, Some(error), next)
            .await;
    }

    async fn settle(
        &self,
        claimed: Claimed,
        outcome: AttemptOutcome,
        error: Option<ExecutionError>,
        next: Next,
    ) {
        self.settle_with(claimed, outcome, error, next, None).await;
    }

    async fn settle_with(
        &self,
        claimed: Claimed,
        outcome: AttemptOutcome,
        error: Option<ExecutionError>,
        next: Next,
        permits: Option<Permits>,
    ) {
        let settlement = Settlement {
            fence: claimed.fence,
            execution_id: claimed.execution_id,
            end: AttemptEnd {
                outcome,
                error,
                started_at: claimed.claimed_at,
                finished_at: now(),
                progress: None,
                logs: Vec::new(),
            },
            next,
            permits,
        };
        let answers = self.store.settle(vec![settlement]).await.unwrap();
        assert_eq!(answers, [Settled::Settled]);
    }
}

pub(crate) fn now() -> Timestamp {
    Clock::now(&SystemClock::new()).into()
}
