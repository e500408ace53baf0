//! Types of other crates.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Span, Timestamp, Zoned};
use rust_decimal::Decimal;
use url::Url;
use uuid::Uuid;

use crate::table::Row;

pub(crate) fn rows() -> Vec<Row> {
    let uuid: Uuid = "0199c0de-0000-7000-8000-000000000001".parse().unwrap();
    let day: Date = "2030-01-31".parse().unwrap();
    vec![
        Row::field(
            vec![uuid],
            &[
                r#""0199C0DE-0000-7000-8000-000000000001""#,
                r#""{0199c0de-0000-7000-8000-000000000001}""#,
                r#""urn:uuid:0199c0de-0000-7000-8000-000000000001""#,
            ],
        ),
        Row::field(vec![Some(uuid), None], &[]),
        Row::field(vec![vec![uuid]], &[]),
        Row::field::<Url>(
            vec!["https://example.org/ä?x=1".parse().unwrap()],
            &[
                r#""mailto:a@example.org""#,
                r#""https://exa mple.org/""#,
                r#""https://example.org/a b""#,
                r#""//example.org""#,
            ],
        ),
        Row::field(
            vec![Decimal::MAX, Decimal::new(150, 2)],
            &[
                r#""79228162514264337593543950336""#,
                r#""1e2""#,
                r#""1_000""#,
            ],
        ),
        Row::field(
            vec![Timestamp::UNIX_EPOCH],
            &[
                r#""2030-01-31 12:00:00Z""#,
                r#""2030-01-31T12:00:60Z""#,
                r#""99999-01-31T12:00:00Z""#,
            ],
        ),
        Row::field(vec![day], &[r#""2030-02-30""#, r#""20300131""#]),
        Row::field::<Time>(
            vec!["12:00:00.5".parse().unwrap()],
            &[r#""24:00:00""#, r#""12:00""#],
        ),
        Row::field::<DateTime>(
            vec!["2030-01-31T12:00:00".parse().unwrap()],
            &[r#""2030-01-31T25:00:00""#],
        ),
        Row::field::<Zoned>(
            vec!["2030-01-31T12:00:00+01:00[Europe/Vienna]".parse().unwrap()],
            &[
                r#""2030-01-31T12:00:00+01:00[Europe/Vienna]""#,
                r#""2030-01-31T12:00:00+09:00[Europe/Vienna]""#,
                r#""2030-01-31T12:00:00+01:00[Nowhere/Land]""#,
            ],
        ),
        Row::field::<Span>(vec!["P1Y2M3DT4H".parse().unwrap()], &[r#""P99999999999Y""#]),
        Row::field(
            vec![SignedDuration::from_secs(90)],
            &[r#""PT1H""#, r#""-PT1H""#],
        ),
        Row::field(vec![Some(day), None], &[]),
        Row::field(
            vec![vec![Timestamp::UNIX_EPOCH]],
            &[r#"["2030-01-31T12:00:00Z"]"#],
        ),
    ]
}
