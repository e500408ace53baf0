//! Numbers, texts and other types of the standard library.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::{NonZeroI32, NonZeroU8, NonZeroU64, NonZeroU128, Wrapping};
use std::ops::{Bound, Range, RangeInclusive};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::table::Row;

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::field(vec![i8::MIN, i8::MAX], &[]),
        Row::field(vec![i16::MIN, i16::MAX], &["-32769"]),
        Row::field(vec![i32::MIN, i32::MAX], &["-2147483649"]),
        Row::field(vec![i64::MIN, i64::MAX], &["-9223372036854775808"]),
        Row::field(vec![i128::MIN, i128::MAX], &[]),
        Row::field(vec![isize::MIN, isize::MAX], &[]),
        Row::field(vec![u8::MIN, u8::MAX], &["-0.0"]),
        Row::field(vec![u16::MAX], &[]),
        Row::field(vec![u32::MAX], &["4294967295"]),
        Row::field(vec![u64::MAX], &[]),
        Row::field(vec![u128::MAX, 0], &[]),
        Row::field(vec![usize::MAX], &[]),
        Row::field(vec![NonZeroU8::MIN], &[]),
        Row::field(vec![NonZeroI32::MIN], &[]),
        Row::field(vec![NonZeroU64::MAX], &[]),
        Row::field(vec![NonZeroU128::MAX], &[]),
        Row::field(vec![f32::MAX, f32::MIN_POSITIVE, -0.0], &["3.5e38"]),
        Row::field(vec![f64::MAX, f64::MIN_POSITIVE, 0.1], &[]),
        Row::field(vec![Wrapping(3_u8)], &[]),
        Row::field(vec![true, false], &[]),
        Row::field(vec!['x', '\u{0}', '𝄞'], &[r#""𝄞""#]),
        Row::field(vec![String::new(), "é\u{0}".to_owned()], &[]),
        Row::field::<Box<str>>(vec!["a".into()], &[]),
        Row::field::<Cow<'static, str>>(vec!["a".into()], &[]),
        Row::field(vec![PathBuf::from("/tmp")], &[]),
        Row::field(vec![()], &[]),
        Row::field(vec![Box::new(1_u8)], &[]),
        Row::field(vec![Some(1_u8), None], &[]),
        Row::field(vec![Some("a".to_owned()), None], &[]),
        Row::field(vec![Some(true), None], &[]),
        Row::field(vec![Some(Some(1_u8)), None], &[]),
        Row::field(vec![Some(1_u128), None], &[]),
        Row::field(vec![Some('x'), None], &[]),
        Row::field(
            vec![Ok(1_u8), Err("no".to_owned())] as Vec<Result<u8, String>>,
            &[
                r#"{"Ok":1}"#,
                r#"{"Err":"x"}"#,
                r#"{"Ok":1,"Err":"x"}"#,
                r#"{"Ok":256}"#,
            ],
        ),
        Row::field(
            vec![Duration::from_secs(1), Duration::MAX],
            &[
                r#"{"secs":1,"nanos":1000000000}"#,
                r#"{"secs":1,"nanos":1,"more":1}"#,
                r#"{"secs":1}"#,
            ],
        ),
        Row::field(
            vec![SystemTime::UNIX_EPOCH],
            &[
                r#"{"secs_since_epoch":1,"nanos_since_epoch":2}"#,
                r#"{"secs_since_epoch":18446744073709551615,"nanos_since_epoch":4294967295}"#,
            ],
        ),
        Row::field::<Range<u8>>(std::iter::once(1..2).collect(), &[r#"{"start":1,"end":2}"#]),
        Row::field::<RangeInclusive<i32>>(vec![1..=2], &[r#"{"start":1,"end":2}"#]),
        Row::field(
            vec![Bound::Included(1_u8), Bound::Unbounded],
            &[r#"{"Included":1}"#, r#""Unbounded""#],
        ),
        Row::field::<IpAddr>(
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            &[],
        ),
        Row::field(vec![Ipv4Addr::LOCALHOST], &[r#""256.0.0.1""#, r#""127.1""#]),
        Row::field(vec![Ipv6Addr::LOCALHOST], &[r#""::g""#]),
        Row::field::<SocketAddr>(vec!["127.0.0.1:80".parse().unwrap()], &[]),
        Row::field::<SocketAddrV4>(vec!["127.0.0.1:80".parse().unwrap()], &[]),
        Row::field::<SocketAddrV6>(vec!["[::1]:80".parse().unwrap()], &[]),
    ]
}
