//! Lists, sets, tuples, arrays and maps.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::enums::{Documented, Plain};
use crate::table::Row;

/// A text with a type of its own, as the key of a map.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
struct Key(String);

/// A number with a type of its own, as the key of a map.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
struct Number(u16);

fn one<K: Ord, V>(key: K, value: V) -> Vec<BTreeMap<K, V>> {
    vec![BTreeMap::from([(key, value)]), BTreeMap::new()]
}

pub(crate) fn rows() -> Vec<Row> {
    let uuid: uuid::Uuid = "0199c0de-0000-7000-8000-000000000001".parse().unwrap();
    vec![
        Row::field(vec![vec![1_u8, 2], vec![]], &["[256]"]),
        Row::field(vec![vec!["a".to_owned()]], &[]),
        Row::field(vec![vec![Some(1_u8), None]], &[]),
        Row::field(vec![vec![vec![1_u8]]], &["[[256]]"]),
        Row::field(vec![vec![1_u128 << 100]], &[]),
        Row::field(vec![vec!['a']], &[]),
        Row::field::<Vec<(u8, String)>>(vec![vec![(1, "a".to_owned())]], &[r#"[[1,"a"]]"#]),
        Row::field(vec![VecDeque::from([1_u8])], &[]),
        Row::field(vec![LinkedList::from([1_u8])], &[]),
        Row::field(vec![BTreeSet::from([1_u8, 2])], &["[2,1]"]),
        Row::field(vec![HashSet::from(["a".to_owned()])], &[r#"["a","a"]"#]),
        Row::field(vec![BinaryHeap::from([1_u8])], &[]),
        Row::field(vec![Some(vec![1_u8]), None], &[]),
        Row::field::<[u8; 0]>(vec![[]], &[]),
        Row::field(vec![[1_u8, 2]], &[]),
        Row::field(
            vec![["a".to_owned(), String::new(), String::new()]],
            &[r#"["a","b","c"]"#],
        ),
        Row::field(vec![(1_u8,)], &[]),
        Row::field(vec![(1_u8, "a".to_owned())], &[]),
        Row::field(
            vec![(1_u8, (true, 'c'))],
            &[r#"[1,[true,"c"]]"#, r#"[1,[true]]"#],
        ),
        Row::field(
            vec![(1_u8, 2_u8, 3_u8, 4_u8)],
            &["[1,2,3,4]", "[1,2,3,4,5]"],
        ),
        Row::field(one("a".to_owned(), 1_u8), &[r#"{"a":256}"#]),
        Row::field(one("a".to_owned(), "b".to_owned()), &[]),
        Row::field(one("a".to_owned(), Some(1_u8)), &[r#"{"a":null}"#]),
        Row::field(one("a".to_owned(), vec![1_u8]), &[r#"{"a":[1]}"#]),
        Row::field(
            vec![HashMap::from([("a".to_owned(), true)])],
            &[r#"{"a":true}"#],
        ),
        Row::field(
            one(1_u8, 2_u8),
            &[r#"{"256":1}"#, r#"{"-1":1}"#, r#"{"01":1}"#, r#"{"1.0":1}"#],
        ),
        Row::field(one(-1_i64, 2_u8), &[r#"{"9223372036854775808":1}"#]),
        Row::field(
            one(u128::MAX, 2_u8),
            &[r#"{"340282366920938463463374607431768211456":1}"#],
        ),
        Row::field(one(true, 1_u8), &[r#"{"false":1}"#, r#"{"yes":1}"#]),
        Row::field(one('x', 1_u8), &[r#"{"x":1}"#, r#"{"xy":1}"#]),
        Row::field(
            one(uuid, 1_u8),
            &[r#"{"0199c0de-0000-7000-8000-000000000001":1}"#],
        ),
        Row::field(one(Plain::Fast, 1_u8), &[r#"{"fast":1}"#, r#"{"quick":1}"#]),
        Row::field(
            one(Documented::Fast, 1_u8),
            &[r#"{"fast":1}"#, r#"{"quick":1}"#],
        ),
        Row::field(one(Key("k".to_owned()), 1_u8), &[]),
        Row::field(one(Number(1), 1_u8), &[r#"{"65536":1}"#]),
        Row::field(one("a".to_owned(), json!([1])), &[]),
        Row::field(vec![json!({"a": [1, 1.5, null]}), Value::Null], &[]),
        Row::field(
            vec![serde_json::Map::from_iter([("a".to_owned(), json!(1))])],
            &[],
        ),
        Row::whole(
            one("a".to_owned(), 1_u8),
            &[r#"{"a":1,"b":256}"#, r#"{"a":1,"a":2}"#],
        ),
        Row::whole(one(1_u8, 1_u8), &[r#"{"1":1}"#, r#"{"x":1}"#]),
        Row::whole(
            vec![serde_json::Map::from_iter([("a".to_owned(), json!(1))])],
            &[],
        ),
    ]
}
