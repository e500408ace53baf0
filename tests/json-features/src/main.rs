//! Enqueues and executes payloads whose numbers and keys the features of `serde_json` treat in
//! another way. The process fails if one of them is refused or changes.

use std::collections::BTreeMap;

use jobs::{JobError, job};
use jobs_runtime::Runtime;
use jobs_runtime::fingerprint::{ExactJson, canonical, fingerprint};
use serde_json::{Value, json};

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Point {
    x: f64,
    y: f32,
}

#[job(id = "features.measure", unique(by = ["zone", "size"]))]
async fn measure(
    zone: String,
    size: f64,
    point: Point,
    account: u128,
    count: i64,
    any: Value,
    map: BTreeMap<String, f64>,
    #[default(1.5)] scale: f64,
    #[schemars(range(max = 10.5))] bounded: f64,
) -> Result<Vec<f64>, JobError> {
    assert_eq!(account, u128::MAX);
    assert_eq!(any["a"], json!(1.25));
    Ok(vec![
        size,
        point.x,
        f64::from(point.y),
        count as f64,
        map["b"],
        scale,
        bounded,
    ])
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    assert_eq!(
        serde_json::to_string(&json!({"b": 1, "a": 2}))?,
        r#"{"b":1,"a":2}"#
    );
    assert_eq!("1.50".parse::<serde_json::Number>()?.to_string(), "1.50");

    let runtime = Runtime::builder()
        .database("sqlite::memory:")
        .start()
        .await?;
    let payload = Measure::new(
        "z",
        0.1,
        Point { x: 1e300, y: 0.5 },
        u128::MAX,
        -3,
        json!({"a": 1.25}),
        BTreeMap::from([("b".to_owned(), 2.5)]),
        10.5,
    );
    let execution = runtime.client().enqueue(payload).await?;
    let expected = [0.1, 1e300, 0.5, -3.0, 2.5, 1.5, 10.5];
    assert_eq!(execution.result().await?, expected);

    // As over HTTP: the text of the caller, the numbers in other notations.
    let text = r#"{"zone":"y","size":1E2,"point":{"y":5e-1,"x":1.50},"any":{"a":1.250},
        "account":340282366920938463463374607431768211455,"count":7,"map":{"b":1},"bounded":1e0}"#;
    let request =
        |text: &str| jobs::runtime::EnqueueRequest::new("features.measure", text.to_owned());
    runtime.service().enqueue(vec![request(text)]).await?;
    for (wrong, pointer) in [
        (text.replace("1E2", "\"1E2\""), "/size"),
        (text.replace("1e0", "10.6"), "/bounded"),
        (text.replace("\"count\":7", "\"count\":7.0"), "/count"),
        (text.replace("1E2", "1E2,\"size\":1"), "/size"),
        (text.replace("211455", "211456"), "/account"),
    ] {
        let error = runtime
            .service()
            .enqueue(vec![request(&wrong)])
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains(&format!("{pointer}: ")),
            "{wrong}: {error}"
        );
    }

    // Stores keep these digests: they are those of programs without the features.
    let forms = |text: &str| {
        let value: Value = serde_json::from_str(text).unwrap();
        canonical(&ExactJson::new(&value, text))
    };
    let floats = r#"{"b":[1.50,1E2,-0,1.0],"a":18446744073709551616}"#;
    assert_eq!(
        forms(floats),
        r#"{"a":18446744073709551616,"b":[1.5,100.0,-0.0,1.0]}"#
    );
    let value = json!({"b": 1, "a": [true, "x"]});
    assert_eq!(
        fingerprint(&(&value).into()),
        "f15ef113d6e0c876b9ea9e90ebc36ad3"
    );
    runtime.shutdown().await;
    println!("ok");
    Ok(())
}
