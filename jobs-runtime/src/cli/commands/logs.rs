//! The command `logs`: the log lines of an execution.

use std::time::Duration;

use jobs::ExecutionId;
use serde_json::Value;

use super::execution_id;
use crate::cli::args::LogsArgs;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::printable;
use crate::cli::settings::Settings;
use crate::cli::source::{LogReader, Source};
use crate::store::{LogQuery, LogRecord};

/// Lines per read.
const PAGE: usize = 1_000;

/// The interval at which `--follow` reads new lines.
const INTERVAL: Duration = Duration::from_millis(250);

/// Prints the log of an execution, with `--follow` until the execution is final. JSON output is one
/// document, or one line per log line with `--follow`.
pub(in crate::cli) async fn show(
    settings: &Settings,
    output: Output,
    args: LogsArgs,
) -> Result<(), Failure> {
    let id = execution_id(&args.id)?;
    let source = Source::open(settings).await?;
    let query = LogQuery {
        execution_id: id,
        attempt: args.attempt,
        level: args.level,
        after: None,
        limit: PAGE,
    };
    let mut reader = source.log_reader(query, args.reveal).await?;
    if !args.follow {
        let lines = read_lines(&mut reader, id).await?;
        let document = serde_json::json!({ "lines": lines });
        output.result(&document, |_| {
            let text: Vec<_> = lines
                .iter()
                .map(|line| printable::line(&text(line)).into_owned())
                .collect();
            if text.is_empty() {
                "no log lines".to_owned()
            } else {
                text.join("\n")
            }
        })?;
        return Ok(());
    }
    loop {
        // The status is read first: the log of a final execution is complete.
        let record = source.execution(id, false).await?;
        let ended = record.is_none_or(|record| record.status.is_final());
        for line in read_lines(&mut reader, id).await? {
            output.line(&line, text)?;
        }
        if ended {
            return Ok(());
        }
        source.sleep(INTERVAL).await;
    }
}

/// Reads all lines after the last one that was read.
async fn read_lines(
    reader: &mut LogReader<'_>,
    id: ExecutionId,
) -> Result<Vec<LogRecord>, Failure> {
    let mut lines = Vec::new();
    loop {
        let Some(page) = reader.next_page().await? else {
            return Err(Failure::failed(format!("no execution has the id {id}")));
        };
        lines.extend(page.lines);
        if !page.more {
            return Ok(lines);
        }
    }
}

/// Formats a line: `2030-01-31T12:00:00.000Z  INFO 1 members: two were added  count=2`
fn text(record: &LogRecord) -> String {
    let line = &record.line;
    let level = line.level.as_str().to_uppercase();
    let (at, attempt, target) = (line.at, record.attempt, &line.target);
    let mut text = format!("{at} {level:>5} {attempt} {target}: {}", line.message);
    let fields = line.fields.as_ref();
    if let Some(Value::Object(fields)) =
        fields.and_then(|fields| serde_json::from_str(fields.get()).ok())
    {
        text.push(' ');
        for (name, value) in fields {
            text.push_str(&format!(" {name}={value}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::store::{LogLevel, LogLine};
    use crate::time::Timestamp;

    #[test]
    fn lines_are_formatted() {
        let record = LogRecord {
            attempt: 2,
            line: LogLine {
                line: 7,
                at: Timestamp::from_millis(1_700_000_000_120),
                level: LogLevel::Warn,
                target: "members".to_owned(),
                message: "two were added".to_owned(),
                fields: RawValue::from_string(r#"{"n":2,"who":"ü"}"#.to_owned()).ok(),
            },
        };
        assert_eq!(
            text(&record),
            "2023-11-14T22:13:20.120Z  WARN 2 members: two were added  n=2 who=\"ü\""
        );
    }
}
