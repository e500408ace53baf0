//! One truth about payloads: the edge, the handler and the typed client agree.
//!
//! A table of payload types and JSON texts. Each text is enqueued as a caller over HTTP would.
//! Each value is enqueued as the typed client does. The handler's deserialiser reads what is
//! stored.

#![expect(clippy::unwrap_used, reason = "an error fails the test")]
#![expect(
    clippy::print_stdout,
    reason = "the test prints where the edge is stricter"
)]

#[path = "payloads/collections.rs"]
mod collections;
#[path = "payloads/enums.rs"]
mod enums;
#[path = "payloads/fields.rs"]
mod fields;
#[path = "payloads/foreign.rs"]
mod foreign;
#[path = "payloads/names.rs"]
mod names;
#[path = "payloads/scalars.rs"]
mod scalars;
#[path = "payloads/structs.rs"]
mod structs;
#[path = "payloads/table.rs"]
mod table;
#[path = "payloads/texts.rs"]
mod texts;

use std::collections::BTreeMap;

use table::{Edge, Row};

/// The least number of payload types in the table.
const MIN_TYPES: usize = 150;

fn rows() -> Vec<Row> {
    let mut rows = scalars::rows();
    rows.extend(collections::rows());
    rows.extend(foreign::rows());
    rows.extend(structs::rows());
    rows.extend(fields::rows());
    rows.extend(enums::rows());
    rows
}

#[tokio::test]
async fn the_edge_the_handler_and_the_typed_client_agree() {
    let rows = rows();
    assert!(rows.len() >= MIN_TYPES, "{} types", rows.len());
    let edge = Edge::open().await;
    let mut texts = 0;
    let mut values = 0;
    let mut wrong = Vec::new();
    let mut stricter: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in &rows {
        let service = edge.service(row.definition);
        for text in row.texts() {
            texts += 1;
            match edge.enqueue(&service, &text).await {
                Ok(stored) if !(row.read)(&stored) => {
                    wrong.push(format!("{}: {text} is accepted, then refused", row.name));
                }
                Ok(_) => {}
                Err(_) if !(row.read)(&text) => {}
                Err(error) => match row.reason_for_refusing(&text, &error) {
                    Some(reason) => {
                        let example = format!("{}: {text}", row.name);
                        stricter.entry(reason).or_default().push(example);
                    }
                    None => wrong.push(format!("{}: {text} is refused: {error}", row.name)),
                },
            }
        }
        for value in &row.values {
            values += 1;
            if !(row.read)(value) {
                wrong.push(format!("{}: its own type cannot read {value}", row.name));
            }
            if let Err(error) = edge.enqueue(&service, value).await {
                wrong.push(format!("{}: the typed value {value}: {error}", row.name));
            }
        }
    }
    for (reason, refused) in &stricter {
        println!("{reason}: {} texts, as in", refused.len());
        for example in refused.iter().step_by(refused.len().div_ceil(12)) {
            println!("    {example}");
        }
    }
    for reason in &table::STRICTER {
        let found = stricter.get(reason.text).map_or(0, Vec::len);
        if found != reason.count {
            wrong.push(format!(
                "{found} texts, not {}: {}",
                reason.count, reason.text
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {texts} texts and {values} values for {} types:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
    assert!(texts >= 20_000, "{texts} texts");
}
