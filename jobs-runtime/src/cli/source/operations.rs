//! Bulk operations.

use jobs::Priority;
use jobs::runtime::Due;
use serde::{Deserialize, Serialize};

use super::Source;
use super::executions::known;
use super::jobs::due_fields;
use crate::Entropy;
use crate::cli::failure::Failure;
use crate::operations::execute_in_turn;
use crate::service::{BulkPreview, check_operation};
use crate::store::{BulkAct, BulkEdit, BulkFilter, BulkOperation};
use crate::time::Timestamp;

/// The interval between two looks at an operation that another process executes.
const POLL: std::time::Duration = std::time::Duration::from_millis(500);

/// A bulk operation that is asked for. The time of an edit is resolved where it is executed.
#[derive(Clone, Debug)]
pub(in crate::cli) struct BulkCall {
    act: BulkAct,
    due: Option<Due>,
    filter: BulkFilter,
}

impl BulkCall {
    /// # Errors
    /// The filter is empty, or the act changes nothing.
    pub(in crate::cli) fn new(
        act: BulkAct,
        due: Option<Due>,
        filter: BulkFilter,
    ) -> Result<Self, Failure> {
        let checked = match (&act, due) {
            (BulkAct::Edit(edit), Some(_)) => BulkAct::Edit(BulkEdit {
                // Any time passes the check.
                run_at: Some(Timestamp::default()),
                ..edit.clone()
            }),
            (act, _) => act.clone(),
        };
        check_operation(&checked, &filter).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(Self { act, due, filter })
    }

    pub(in crate::cli) fn act(&self) -> &BulkAct {
        &self.act
    }

    fn body(&self, dry_run: bool) -> Body<'_> {
        let edit = match &self.act {
            BulkAct::Edit(edit) => Some(edit),
            _ => None,
        };
        Body {
            act: self.act.as_str(),
            edit: edit.map(|edit| {
                let (delay_ms, run_at) = due_fields(self.due);
                EditBody {
                    priority: edit.priority,
                    delay_ms,
                    run_at,
                    queue: edit.queue.as_deref(),
                }
            }),
            filter: &self.filter,
            dry_run,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    act: &'a str,
    edit: Option<EditBody<'a>>,
    filter: &'a BulkFilter,
    dry_run: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EditBody<'a> {
    priority: Option<u8>,
    delay_ms: Option<u64>,
    run_at: Option<Timestamp>,
    queue: Option<&'a str>,
}

#[derive(Deserialize)]
struct Operations {
    operations: Vec<BulkOperation>,
}

impl Source {
    /// Counts the matches, and tells what the act would do with them. Changes nothing.
    pub(in crate::cli) async fn preview_operation(
        &self,
        call: &BulkCall,
    ) -> Result<BulkPreview, Failure> {
        match self {
            Self::Local(runtime) => {
                let service = runtime.service();
                Ok(service.preview_operation(&call.act, &call.filter).await?)
            }
            Self::Remote(client) => {
                let request = client.request("startOperation");
                Ok(request.body(&call.body(true)).json().await?)
            }
        }
    }

    /// Starts an operation, and waits for its end; `watch` sees its progress. On a store, this
    /// process executes its batches, unless another one does.
    pub(in crate::cli) async fn run_operation(
        &self,
        call: BulkCall,
        watch: impl Fn(&BulkOperation),
    ) -> Result<BulkOperation, Failure> {
        let (id, holder) = match self {
            Self::Local(runtime) => {
                let service = runtime.service();
                let mut act = call.act;
                if let (BulkAct::Edit(edit), Some(due)) = (&mut act, call.due) {
                    edit.run_at = Some(service.due_time(due)?);
                }
                let started = service.start_operation(act, call.filter, None).await?;
                let holder = Entropy::new().execution_id(&**service.clock()).to_string();
                (started.id, holder)
            }
            Self::Remote(client) => {
                let request = client.request("startOperation");
                let started: BulkOperation = request.body(&call.body(false)).json().await?;
                (started.id, String::new())
            }
        };
        loop {
            if let Self::Local(runtime) = self {
                execute_in_turn(runtime.service(), &holder, &watch).await?;
            }
            match self.operation(&id).await? {
                Some(operation) if operation.finished_at.is_some() => return Ok(operation),
                Some(operation) => watch(&operation),
                None => return Err(Failure::failed("the operation was deleted")),
            }
            self.sleep(POLL).await;
        }
    }

    /// The newest operations.
    pub(in crate::cli) async fn operations(
        &self,
        limit: usize,
    ) -> Result<Vec<BulkOperation>, Failure> {
        match self {
            Self::Local(runtime) => Ok(runtime.store().operations(limit).await?),
            Self::Remote(client) => {
                let request = client.request("listOperations").query("limit", Some(limit));
                let Operations { operations } = request.json().await?;
                Ok(operations)
            }
        }
    }

    /// An operation; `None` if there is none with this id.
    pub(in crate::cli) async fn operation(
        &self,
        id: &str,
    ) -> Result<Option<BulkOperation>, Failure> {
        match self {
            Self::Local(runtime) => Ok(runtime.store().operation(id.to_owned()).await?),
            Self::Remote(client) => {
                let request = client.request("getOperation").path(id);
                known(request.json().await, "unknown_operation")
            }
        }
    }

    /// Ends an operation; `None` if there is none with this id.
    pub(in crate::cli) async fn cancel_operation(
        &self,
        id: &str,
    ) -> Result<Option<BulkOperation>, Failure> {
        match self {
            Self::Local(runtime) => Ok(runtime.service().cancel_operation(id.to_owned()).await?),
            Self::Remote(client) => {
                let request = client.request("cancelOperation").path(id);
                known(request.json().await, "unknown_operation")
            }
        }
    }
}

/// The values of an edit, without its time.
pub(in crate::cli) fn edit_of(priority: Option<Priority>, queue: Option<String>) -> BulkEdit {
    BulkEdit {
        priority: priority.map(Priority::value),
        run_at: None,
        queue,
    }
}
