//! `GET /executions`: a filtered list of executions, newest first, in pages.
//!
//! A page ends with the cursor `nextCursor` unless it is the last one. The next request passes it
//! as `cursor`; its type is [`Cursor`](crate::store::Cursor). A page also ends before its payloads
//! and results exceed [`BUDGET`]. With `fields`, each execution has the chosen fields alone, and
//! the bytes of the others do not count.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use jobs::{ExecutionId, ExecutionStatus};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::value::RawValue;

use super::executions::require_operator;
use crate::http::request::fields::Fields;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, Input, NumberRange, RouteDoc};
use crate::http::{ApiState, Caller};
use crate::service::Redactor;
use crate::store::{
    Cursor, ExecutionPage, ExecutionQuery, ExecutionRecord, ExecutionSort, Store, StoreError,
};
use crate::time::Timestamp;

/// The bytes of payloads and results in a page. A single execution may have more.
const BUDGET: usize = 8 * 1024 * 1024;

/// The largest number of rows that are read at once, because their sizes are not known before.
const PART: usize = 50;

/// The largest number of rows in a page.
pub(in crate::http) const MAX_LIMIT: usize = 1_000;

/// The number of rows in a page.
pub(in crate::http) const LIMIT: Input = Input::number(
    "limit",
    NumberRange {
        min: 1,
        max: MAX_LIMIT,
        default: 50,
    },
    "the largest number of rows in the page",
);

pub(in crate::http) const JOB_ID: Input = Input::text("jobId", "executions of this job");
pub(in crate::http) const STATUS: Input =
    Input::value::<ExecutionStatus>("status", "executions in this status");
pub(in crate::http) const QUEUE: Input = Input::text("queue", "executions in this queue");
pub(in crate::http) const ITEM_ID: Input = Input::text("itemId", "executions with this item id");
pub(in crate::http) const CORRELATION_ID: Input =
    Input::text("correlationId", "executions with this correlation id");
pub(in crate::http) const CREATED_BY: Input =
    Input::text("createdBy", "executions that this user or program created");
const PARENT_ID: Input = Input::value::<ExecutionId>(
    "parentId",
    "executions that an attempt of this execution enqueued",
);
pub(in crate::http) const TAG: Input = Input::text("tag", "executions with this tag");
pub(in crate::http) const SINCE: Input =
    Input::value::<Timestamp>("since", "executions created at this time or later");
pub(in crate::http) const UNTIL: Input =
    Input::value::<Timestamp>("until", "executions created before this time");
pub(in crate::http) const ERROR_FINGERPRINT: Input = Input::text(
    "errorFingerprint",
    "failed executions whose error has this fingerprint; see `GET /failures`",
);
const LONGER_THAN: Input = Input::value::<u64>(
    "longerThanMs",
    "final executions whose last attempt took at least so many milliseconds; `lookedBackTo` says \
     how far a page has looked",
);
const TEXT: Input = Input::text(
    "text",
    "executions whose payload contains this text, for operators; `lookedBackTo` says how far a \
     page has looked",
);
const CURSOR: Input = Input::value::<Cursor>("cursor", "the `nextCursor` of the page before");
const SORT: Input = Input::value::<ExecutionSort>(
    "sort",
    "the order within a page: newest first by default, or by the longest `durationMs`; such a page \
     has at most 50 rows of the 2,500 executions that it looks at",
);
const FIELDS: Input = Input::value::<Fields>(
    "fields",
    "the fields of each execution that the page shows, with commas between them; all by default",
);
const PARAMETERS: &[Input] = &[
    LIMIT,
    JOB_ID,
    STATUS,
    QUEUE,
    ITEM_ID,
    CORRELATION_ID,
    CREATED_BY,
    PARENT_ID,
    TAG,
    SINCE,
    UNTIL,
    LONGER_THAN,
    ERROR_FINGERPRINT,
    TEXT,
    CURSOR,
    SORT,
    FIELDS,
];

pub(in crate::http) const LIST: RouteDoc = RouteDoc::new(
    "listExecutions",
    "the executions, newest first",
    &[Answer::json::<Page>(StatusCode::OK, "a page of executions")],
)
.query(PARAMETERS);

/// A page with whole executions, or with chosen fields of them.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::http) enum Page {
    Whole(ExecutionPage),
    Chosen(PageOfFields),
}

/// A page whose executions have the fields that `fields` names.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct PageOfFields {
    executions: Vec<ChosenFields>,
    /// As in a page of whole executions.
    next_cursor: Option<Cursor>,
    /// As in a page of whole executions.
    looked_back_to: Option<Timestamp>,
}

/// Fields of an execution by their names.
#[derive(Serialize)]
struct ChosenFields(BTreeMap<String, Box<RawValue>>);

impl JsonSchema for ChosenFields {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ChosenFields".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = ExecutionRecord::json_schema(generator);
        schema.remove("required");
        schema.insert("description".to_owned(), "Fields of an execution.".into());
        schema
    }
}

pub(in crate::http) async fn list(
    State(api): State<ApiState>,
    caller: Option<Extension<Caller>>,
    mut parameters: QueryParameters,
) -> Result<Json<Page>, Problem> {
    let query = ExecutionQuery {
        limit: parameters.number(&LIMIT),
        job_id: parameters.text(&JOB_ID),
        status: parameters.parsed(&STATUS),
        queue: parameters.text(&QUEUE),
        item_id: parameters.text(&ITEM_ID),
        correlation_id: parameters.text(&CORRELATION_ID),
        created_by: parameters.text(&CREATED_BY),
        parent_id: parameters.parsed(&PARENT_ID),
        tag: parameters.text(&TAG),
        since: parameters.parsed(&SINCE),
        until: parameters.parsed(&UNTIL),
        longer_than: parameters.parsed(&LONGER_THAN).map(Duration::from_millis),
        error_fingerprint: parameters.text(&ERROR_FINGERPRINT),
        text: parameters.text(&TEXT),
        ids: Vec::new(),
        cursor: parameters.parsed(&CURSOR),
        sort: parameters.parsed(&SORT).unwrap_or_default(),
    };
    let fields: Option<Fields> = parameters.parsed(&FIELDS);
    parameters.finish(PARAMETERS)?;
    // The search compares with sensitive values, too.
    if query.text.is_some() {
        let detail = "`text` is a filter for the roles operator and admin only";
        require_operator(caller, detail)?;
    }

    let mut reader = PageReader {
        store: &**api.service.store(),
        redactor: Redactor::new(&api.service),
        fields: fields.as_ref(),
    };
    let page = reader.read(query).await?;
    let Some(fields) = fields else {
        return Ok(Json(Page::Whole(page)));
    };
    let executions = page.executions.iter();
    let executions = executions.map(|execution| fields.of(execution).map(ChosenFields));
    let executions: Result<Vec<_>, _> = executions.collect();
    let Ok(executions) = executions else {
        let detail = "an execution cannot be written as JSON";
        return Err(Problem::new(Code::Internal, detail));
    };
    Ok(Json(Page::Chosen(PageOfFields {
        executions,
        next_cursor: page.next_cursor,
        looked_back_to: page.looked_back_to,
    })))
}

/// Reads a page in parts, so that neither the page nor the memory for it grows with `limit` times
/// the largest payload.
struct PageReader<'a> {
    store: &'a dyn Store,
    redactor: Redactor<'a>,
    fields: Option<&'a Fields>,
}

impl PageReader<'_> {
    /// Reads a page, with its sensitive values masked.
    async fn read(&mut self, mut query: ExecutionQuery) -> Result<ExecutionPage, StoreError> {
        let rows = query.limit;
        query.limit = rows.min(PART);
        let (mut page, mut is_last) = self.read_part(&query, BUDGET).await?;
        // A second part would begin behind all that the first has looked at.
        is_last |= query.sort == ExecutionSort::Duration;
        while !is_last && page.executions.len() < rows {
            let read = page.executions.len();
            let bytes: usize = page.executions.iter().map(|it| self.size(it)).sum();
            let Some(left) = BUDGET.checked_sub(bytes).filter(|left| *left > 0) else {
                break;
            };
            query.cursor = page.next_cursor;
            query.limit = (left / (bytes / read + 1)).clamp(1, PART.min(rows - read));
            let (part, ends) = self.read_part(&query, left).await?;
            page.executions.extend(part.executions);
            page.next_cursor = part.next_cursor;
            page.looked_back_to = part.looked_back_to;
            is_last = ends;
        }
        Ok(page)
    }

    /// Reads a part of a page, of at most `budget` bytes or one execution. Returns true if the
    /// page ends with it: at the budget, at the end of the list, or at the bound of examined rows.
    async fn read_part(
        &mut self,
        query: &ExecutionQuery,
        budget: usize,
    ) -> Result<(ExecutionPage, bool), StoreError> {
        let mut part = self.store.list_executions(query.clone()).await?;
        let mut bytes = 0;
        let fitting = part.executions.iter().take_while(|execution| {
            bytes += self.size(execution);
            bytes <= budget
        });
        let fitting = fitting.count().max(1);
        let mut is_last = part.next_cursor.is_none() || part.executions.len() < query.limit;
        if fitting < part.executions.len() {
            let shorter = ExecutionQuery {
                limit: fitting,
                ..query.clone()
            };
            drop(part);
            part = self.store.list_executions(shorter).await?;
            is_last = true;
        }
        for execution in &mut part.executions {
            self.redactor.redact(execution).await;
            self.drop_unchosen(execution);
        }
        Ok((part, is_last))
    }

    /// Drops a payload and a result that the page does not show. Masking an execution's texts
    /// needs its payload, so this comes after it.
    fn drop_unchosen(&self, execution: &mut ExecutionRecord) {
        if !self.shows("payload") {
            execution.payload = RawValue::NULL.to_owned();
        }
        if !self.shows("result") {
            execution.result = None;
        }
    }

    fn shows(&self, field: &str) -> bool {
        self.fields.is_none_or(|fields| fields.contains(field))
    }

    /// The bytes of an execution that may be many and that the page shows.
    fn size(&self, execution: &ExecutionRecord) -> usize {
        let mut size = 0;
        if self.shows("payload") {
            size += execution.payload.get().len();
        }
        if self.shows("result") {
            size += execution.result.as_ref().map_or(0, |it| it.get().len());
        }
        size
    }
}
