//! Payload structs and their schemas.

use std::time::Duration;

use jobs::runtime::{Debounce, MaxConcurrent, MaxRate, Unique};
use jobs::{Job, JobDefinition, JobError, job};
use serde_json::json;

use crate::support::{linked, run, run_with, schema};

/// Creates a member.
///
/// Does nothing if the member exists.
#[job(
    id = "payloads.member",
    rename_all = "camelCase",
    derive(Debug, Clone, PartialEq)
)]
pub(crate) async fn create_member(
    /// The workspace's id.
    workspace_id: String,
    seats: i64,
    note: Option<String>,
    #[default("member")] role: String,
    #[default(Kind::Human)] kind: Kind,
    #[default(vec![1, 2])] weights: Vec<u8>,
) -> Result<String, JobError> {
    Ok(format!(
        "{workspace_id} {seats} {note:?} {role} {kind:?} {weights:?}"
    ))
}

#[derive(
    Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Human,
    Machine,
}

#[test]
fn new_and_setters_convert_and_infer() {
    let by_hand = CreateMember {
        workspace_id: "ws-1".to_owned(),
        seats: 3,
        note: None,
        role: "admin".to_owned(),
        kind: Kind::Human,
        weights: vec![9],
    };
    let made = CreateMember::new("ws-1", 3)
        .role("admin")
        .weights(&[9_u8][..]);
    assert_eq!(made, by_hand);
    assert_eq!(made.kind(Kind::Machine).kind, Kind::Machine);
}

#[test]
fn defaults_fill_missing_fields_of_stored_payloads() {
    let result = run_with::<CreateMember>([], r#"{"workspaceId": "w", "seats": 1}"#);
    assert_eq!(
        result.expect("succeeds"),
        r#""w 1 None member Human [1, 2]""#
    );
}

#[test]
fn the_schema_has_docs_defaults_and_json_names() {
    let schema = schema::<CreateMember>();
    assert_eq!(schema["title"], "CreateMember");
    let description = schema["description"].as_str().expect("a text");
    assert!(
        description.starts_with("Creates a member.\n\nDoes nothing"),
        "{description}"
    );
    assert_eq!(schema["required"], json!(["workspaceId", "seats"]));
    let properties = &schema["properties"];
    assert_eq!(
        properties["workspaceId"]["description"],
        "The workspace's id."
    );
    assert_eq!(properties["seats"].get("description"), None);
    assert_eq!(properties["role"]["default"], "member");
    assert_eq!(properties["kind"]["default"], "human");
    assert_eq!(properties["weights"]["default"], json!([1, 2]));
}

#[test]
fn a_doc_comment_becomes_label_and_description() {
    let job = linked::<CreateMember>();
    assert_eq!(job.descriptor().label, "Creates a member");
    assert_eq!(
        job.descriptor().description,
        "Creates a member.\n\nDoes nothing if the member exists."
    );
}

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct Order {
    /// What was ordered.
    item: String,
}

/// Processes an order.
#[job(id = "payloads.order")]
pub(crate) async fn process_order(#[payload] order: Order) -> Result<String, JobError> {
    Ok(order.item)
}

#[test]
fn a_whole_payload_has_the_schema_of_its_type() {
    let item = "tea".to_owned();
    let result = run(&ProcessOrder(Order { item }));
    assert_eq!(result.expect("succeeds"), "\"tea\"");
    assert_eq!(
        run_with::<ProcessOrder>([], r#"{"item":"tea"}"#).expect("succeeds"),
        "\"tea\""
    );
    assert_eq!(
        schema::<ProcessOrder>(),
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Order",
            "type": "object",
            "properties": {"item": {"type": "string", "description": "What was ordered."}},
            "required": ["item"],
        })
    );
}

#[job(id = "payloads.sensitive", rename_all = "camelCase")]
async fn sensitive(
    #[sensitive] api_token: String,
    #[sensitive]
    #[serde(rename = "PIN")]
    pin: String,
    #[sensitive]
    #[serde(
        alias = "pwd",
        rename(serialize = "pass-word", deserialize = "pass-word")
    )]
    password: String,
    user_name: String,
) -> Result<(), JobError> {
    let _ = (api_token, pin, password, user_name);
    Ok(())
}

#[test]
fn sensitive_fields_are_listed_by_their_json_names() {
    let job = linked::<Sensitive>();
    let names = ["apiToken", "PIN", "pass-word"];
    let json = serde_json::to_value(Sensitive::new("a", "b", "c", "d")).expect("json");
    for name in names {
        assert!(json.get(name).is_some(), "{name} in {json}");
    }
    // A payload may be sent with a former name.
    assert_eq!(job.descriptor().sensitive, [&names[..], &["pwd"]].concat());
}

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Login {
    user_name: String,
    pass_word: String,
}

#[job(id = "payloads.login")]
async fn log_in(
    #[payload]
    #[sensitive("passWord")]
    login: Login,
) -> Result<String, JobError> {
    drop(login.pass_word);
    Ok(login.user_name)
}

#[test]
fn fields_of_a_whole_payload_may_be_sensitive() {
    assert_eq!(linked::<LogIn>().descriptor().sensitive, ["passWord"]);
}

#[job(id = "payloads.strict", deny_unknown)]
async fn strict(known: u8) -> Result<u8, JobError> {
    Ok(known)
}

#[test]
fn deny_unknown_rejects_unknown_fields() {
    let stray = r#"{"known": 1, "stray": 2}"#;
    assert!(run_with::<Strict>([], stray).is_err());
    assert_eq!(schema::<Strict>()["additionalProperties"], false);
}

#[job(id = "payloads.attributes")]
async fn attributes(
    #[schemars(email, length(max = 80), example = "alice@example.org")] to: String,
    #[serde(alias = "subject")] title: String,
) -> Result<String, JobError> {
    Ok(to + &title)
}

#[test]
fn other_attributes_are_passed_to_the_field() {
    let schema = schema::<Attributes>();
    assert_eq!(schema["properties"]["to"]["format"], "email");
    assert_eq!(schema["properties"]["to"]["maxLength"], 80);
    assert_eq!(
        schema["properties"]["to"]["examples"],
        json!(["alice@example.org"])
    );
    let result = run_with::<Attributes>([], r#"{"to": "a", "subject": "b"}"#);
    assert_eq!(result.expect("succeeds"), "\"ab\"");
}

#[job(id = "payloads.types")]
async fn types(
    map: std::collections::BTreeMap<String, Vec<Option<u8>>>,
    pair: (u8, String),
    tree: Tree,
    nested: Option<Box<Tree>>,
) -> Result<Tree, JobError> {
    let _ = (map, pair, nested);
    Ok(tree)
}

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Tree {
    children: Vec<Self>,
}

#[test]
fn maps_tuples_and_recursion() {
    let payload = r#"{"map": {"a": [1, null]}, "pair": [1, "x"], "tree": {"children": []}}"#;
    let result = run_with::<Types>([], payload);
    assert_eq!(result.expect("succeeds"), r#"{"children":[]}"#);
    assert_eq!(schema::<Types>()["type"], "object");
    assert_eq!(Types::ID, "payloads.types");
}

/// Invalid jobs. They are not linked, because they would break the catalogue of every other test.
mod broken {
    use std::sync::atomic::{AtomicU32, Ordering};

    use jobs::runtime::Handler;
    use jobs::{Job, JobDefinition, Source};

    static EVALUATIONS: AtomicU32 = AtomicU32::new(0);

    fn next() -> u32 {
        EVALUATIONS.fetch_add(1, Ordering::Relaxed)
    }

    #[derive(Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    pub(super) struct Unstable {
        inner: Inner,
        #[serde(default = "next")]
        outer: u32,
        #[serde(default)]
        stable: u32,
    }

    #[derive(Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    struct Inner {
        #[serde(default = "next")]
        number: u32,
    }

    impl Job for Unstable {
        const ID: &'static str = "broken.unstable";
        type Output = ();
        const DEFINITION: &'static JobDefinition = &JobDefinition::new::<Self>(
            Source {
                module: "handlers",
                line: 1,
            },
            Handler::External,
        );
    }
}

/// A job whose `#[payload]` is an existing type, written like the expansion. The macro cannot see
/// the fields that the job's keys name.
mod existing {
    use jobs::runtime::Handler;
    use jobs::{Job, JobDefinition, Source};

    #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Letter {
        workspace_id: String,
        tenant: String,
        #[serde(default)]
        copies: u8,
    }

    const SOURCE: Source = Source {
        module: "handlers",
        line: 7,
    };

    pub(super) const fn letter() -> JobDefinition {
        JobDefinition::new::<Letter>(SOURCE, Handler::External)
    }

    impl Job for Letter {
        const ID: &'static str = "existing.letter";
        type Output = ();
        const DEFINITION: &'static JobDefinition = &letter();
    }
}

#[test]
fn keys_must_name_fields_of_an_existing_payload_type() {
    const SECOND: Duration = Duration::from_secs(1);
    static RIGHT: JobDefinition = existing::letter()
        .rate_limit(MaxRate::new(1, SECOND).per("tenant"))
        .unique(Unique::new().by(&["workspaceId"]));
    assert!(jobs::Catalogue::of([&RIGHT]).is_ok());

    static WRONG: JobDefinition = existing::letter()
        .max_concurrent(MaxConcurrent::new(1).per("workspace"))
        .rate_limit(MaxRate::new(1, SECOND).per("tennant"))
        .unique(Unique::new().by(&["tenant", "workspace_id"]))
        .debounce(Debounce::new(SECOND).by(&["colour"]));
    let message = jobs::Catalogue::of([&WRONG]).expect_err("four").to_string();
    for part in [
        "`rate_limit` of job `existing.letter` (handlers:7) names the field `tennant`, which its \
         payload does not have, did you mean `tenant`? \
         (its fields in JSON: copies, tenant, workspaceId)",
        "`unique` of job `existing.letter` (handlers:7) names the field `workspace_id`, which its \
         payload does not have, did you mean `workspaceId`?",
        "`max_concurrent` of job `existing.letter` (handlers:7) names the field `workspace`,",
        "names the field `colour`, which its payload does not have (its fields",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_schedule_needs_defaults_in_an_existing_payload_type() {
    static SCHEDULED: JobDefinition =
        existing::letter().schedules(&[jobs::runtime::Schedule::new("0 3 * * *")]);
    let message = jobs::Catalogue::of([&SCHEDULED])
        .expect_err("no defaults")
        .to_string();
    assert!(
        message.contains("`existing.letter` (handlers:7)"),
        "{message}"
    );
    assert!(
        message.contains("requires workspaceId, tenant; give"),
        "{message}"
    );
}

mod shapes {
    use jobs::runtime::Schedule;

    #[derive(Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    #[serde(tag = "kind")]
    pub(super) enum Target {
        Draft { title: String },
        Final { title: String },
    }

    #[jobs::job(id = "shapes.publish")]
    async fn publish(#[payload] target: Target) -> Result<(), jobs::JobError> {
        let _ = target;
        Ok(())
    }

    pub(super) static SCHEDULED: jobs::JobDefinition = jobs::JobDefinition::new::<Publish>(
        jobs::Source {
            module: "handlers",
            line: 7,
        },
        jobs::runtime::Handler::External,
    )
    .schedules(&[Schedule::new("@daily")]);
}

#[test]
fn a_schedule_needs_a_payload_that_can_be_empty() {
    let error = jobs::Catalogue::of([&shapes::SCHEDULED]).expect_err("no variant is empty");
    let message = error.to_string();
    assert!(
        message.contains("`shapes.publish` (handlers:7) has a schedule"),
        "{message}"
    );
    assert!(message.contains("refuses the payload `{}`"), "{message}");
}

#[test]
fn the_catalogue_rejects_a_default_that_changes() {
    let error = jobs::Catalogue::of([broken::Unstable::definition()]).expect_err("unstable");
    let message = error.to_string();
    assert!(message.contains("`broken.unstable`"), "{message}");
    assert!(message.contains("at Inner/number, /outer;"), "{message}");
}
