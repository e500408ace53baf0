//! `POST /leases/{token}/heartbeat`: keeps a lease, and waits for an interrupt.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jobs::Progress;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{WAIT_MS, millis, number};
use crate::external::{Heartbeat, InterruptReason, ReportedLine};
use crate::http::ApiState;
use crate::http::request::body::{BodyFields, BodyText, MAX_BODY, reject_violations};
use crate::http::request::path::LeasePath;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, Input, NumberRange, RouteDoc};
use crate::store::{LogLevel, Role};
use crate::time::Timestamp;

/// The most log lines of one heartbeat.
const MAX_LOGS: usize = 1_000;

/// The longest message of a progress report, in bytes. A longer one is cut.
const MAX_MESSAGE: usize = 1_024;

/// The longest target of a log line, in characters.
const MAX_TARGET: usize = 255;

const PROGRESS: Input = Input::number(
    "progress",
    NumberRange {
        min: 0,
        max: 100,
        default: 0,
    },
    "the progress in percent; it never decreases",
);
const MESSAGE: Input = Input::text("message", "the step that the attempt is at");
const LINE: Input = Input::number(
    "line",
    NumberRange {
        min: 1,
        max: 1_000_000_000,
        default: 1,
    },
    "the number of the line in its attempt, from 1; a line is stored once",
)
.required();
const AT: Input = Input::value::<Timestamp>("at", "the time of the line; now if absent");
const LEVEL: Input = Input::value::<LogLevel>("level", "the level; `info` if absent");
const TARGET: Input = Input::text("target", "the part of the program that logs");
const TEXT: Input = Input::text("message", "the message");
const DETAILS: Input = Input::value::<Map<String, Value>>("fields", "structured fields");
const LINE_FIELDS: &[Input] = &[LINE, AT, LEVEL, TARGET, TEXT, DETAILS];
const LOGS: Input = Input::list(
    "logs",
    LINE_FIELDS,
    MAX_LOGS,
    "log lines of the attempt, numbered by the worker",
);
const FIELDS: &[Input] = &[PROGRESS, MESSAGE, LOGS, WAIT_MS];

pub(in crate::http) const HEARTBEAT: RouteDoc = RouteDoc::new(
    "heartbeatLease",
    "keeps a lease, reports progress and log lines, and waits for a cancel request",
    &[Answer::json::<Held>(StatusCode::OK, "the lease holds")],
)
.body(FIELDS)
.role(Role::Worker)
.ends_with_caller()
.problems(&[Code::LeaseLost]);

/// A lease that holds.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Held {
    /// The reason why the worker has to end the attempt now; null if it may go on.
    interrupt: Option<InterruptReason>,
    /// The time that is left for that.
    grace_ms: Option<u64>,
    /// The time at which the server ends the attempt.
    deadline: Option<Timestamp>,
}

/// Answers at once if the attempt has to end, else after the wait.
pub(in crate::http) async fn report(
    State(api): State<ApiState>,
    LeasePath(token): LeasePath,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Json<Held>, Problem> {
    let mut fields = BodyFields::read(&body, String::new(), FIELDS)?;
    let percent = fields.raw(&PROGRESS).map(RawValue::get);
    let percent = percent.map(|text| percentage(&mut fields, text));
    let message: Option<String> = fields.value(&MESSAGE, "a string");
    let logs = log_lines(&mut fields)?;
    let wait = Duration::from_millis(number(&mut fields, &WAIT_MS) as u64);
    let mut violations = fields.finish();
    let mut lines = Vec::with_capacity(logs.len());
    for (index, text) in logs.into_iter().enumerate() {
        let mut fields = BodyFields::read(text.get(), format!("/logs/{index}"), LINE_FIELDS)?;
        lines.push(log_line(&mut fields));
        violations.extend(fields.finish());
    }
    reject_violations(&violations)?;

    let progress = (percent.is_some() || message.is_some()).then(|| Progress {
        // Without a number, the stored one stays: progress never decreases.
        percent: percent.unwrap_or(0),
        message: message.map(cut),
    });
    let heartbeat = Heartbeat {
        progress,
        logs: lines,
        wait,
    };
    let answer = api.external.heartbeat(&token, heartbeat).await?;
    Ok(Json(Held {
        interrupt: answer.interrupt,
        grace_ms: answer.grace.map(millis),
        deadline: answer.deadline,
    }))
}

/// Reads a percentage, with or without decimals.
fn percentage(fields: &mut BodyFields<'_>, text: &str) -> u8 {
    match serde_json::from_str::<f64>(text) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the number is from 0 to 100"
        )]
        Ok(percent) if (0.0..=100.0).contains(&percent) => percent as u8,
        _ => {
            fields.add_violation(PROGRESS.name, "must be a number from 0 to 100");
            0
        }
    }
}

fn cut(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(MAX_MESSAGE));
    message
}

fn log_lines<'a>(fields: &mut BodyFields<'a>) -> Result<Vec<&'a RawValue>, Problem> {
    let Some(list) = fields.raw(&LOGS) else {
        return Ok(Vec::new());
    };
    let Ok(lines) = serde_json::from_str::<Vec<&RawValue>>(list.get()) else {
        fields.add_violation(LOGS.name, "must be an array");
        return Ok(Vec::new());
    };
    if lines.len() > MAX_LOGS {
        let detail = format!("{} log lines, {MAX_LOGS} are allowed", lines.len());
        return Err(Problem::new(Code::PayloadTooLarge, detail).with("limit", MAX_LOGS));
    }
    Ok(lines)
}

fn log_line(fields: &mut BodyFields<'_>) -> ReportedLine {
    let line = number(fields, &LINE);
    let level: Option<String> = fields.value(&LEVEL, "a level");
    let level = level.unwrap_or_else(|| LogLevel::Info.as_str().to_owned());
    let level = level.parse().unwrap_or_else(|error| {
        fields.add_violation(LEVEL.name, format!("{error}"));
        LogLevel::Info
    });
    let target: Option<String> = fields.value(&TARGET, "a string");
    let details = fields.raw(&DETAILS).map(RawValue::to_owned);
    if details
        .as_ref()
        .is_some_and(|text| !text.get().starts_with('{'))
    {
        fields.add_violation(DETAILS.name, "must be an object");
    }
    ReportedLine {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        at: fields.value(&AT, "a time like `2030-01-31T12:00:00Z`"),
        level,
        target: target.map(|target| target.chars().take(MAX_TARGET).collect()),
        message: fields.value(&TEXT, "a string").unwrap_or_default(),
        fields: details,
    }
}
