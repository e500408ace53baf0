//! The limits and keys of an execution, derived from its job and its payload.

use std::collections::BTreeSet;

use jobs::{ExecutionId, JobDescriptor};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::fingerprint::{ExactJson, canonical, fingerprint};
use crate::store::{DebounceKey, EnqueueRules, Limit, LimitRule, Rate, UniqueKey, limit_name};

/// Returns the rules of an execution. The payload must contain its defaults.
pub(super) fn rules(job: &JobDescriptor, payload: &ExactJson<'_>) -> EnqueueRules {
    let limits = &job.limits;
    EnqueueRules {
        limits: self::limits(job, payload),
        unique: limits.unique.as_ref().map(|rule| UniqueKey {
            key: payload_key(&rule.by, payload),
            within_ms: rule.within_ms,
            on_conflict: rule.on_conflict,
            live: rule.live.clone(),
        }),
        debounce: limits.debounce.as_ref().map(|rule| DebounceKey {
            key: payload_key(&rule.by, payload),
            delay_ms: rule.delay_ms,
            at_most_ms: rule.at_most_ms,
        }),
        max_waiting: limits.max_waiting,
    }
}

/// Returns the shard of an execution's id, if its job divides executions by one key.
///
/// The rules agree on a key if each `per` and each `by` that the job declares names the same
/// fields. Executions with the same values of these fields get the same shard. Without such a key,
/// the shard of an id is random.
pub(super) fn shard(job: &JobDescriptor, payload: &ExactJson<'_>) -> Option<u16> {
    let limits = &job.limits;
    let per = [
        limits.max_concurrent.as_ref().map(|rule| rule.per.as_ref()),
        limits.rate_limit.as_ref().map(|rule| rule.per.as_ref()),
    ];
    let per = per.into_iter().flatten().flatten();
    let by = [
        limits.unique.as_ref().map(|rule| &rule.by),
        limits.debounce.as_ref().map(|rule| &rule.by),
    ];
    let by = by.into_iter().flatten();
    let keys: BTreeSet<BTreeSet<&str>> = per
        .map(|field| BTreeSet::from([field.as_str()]))
        .chain(by.map(|fields| fields.iter().map(String::as_str).collect()))
        .collect();
    let mut keys = keys.into_iter();
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return None;
    };
    let fields: Vec<_> = key.into_iter().map(str::to_owned).collect();
    let digest = Sha256::digest(format!("{}/{}", job.id, payload_key(&fields, payload)));
    Some(u16::from_be_bytes([digest[0], digest[1]]) % ExecutionId::SHARDS)
}

/// Returns the limits in the order in which the allocator takes their permits.
///
/// Limits divided by a field (`per`) come first: a tenant with a long backlog then waits at its own
/// limit and does not block other tenants at the common one. A rate comes before a concurrency
/// limit, so that no execution occupies a concurrency permit while it waits for a rate.
fn limits(job: &JobDescriptor, payload: &ExactJson<'_>) -> Vec<Limit> {
    let rate = job.limits.rate_limit.as_ref().map(|limit| {
        let rule = LimitRule::Rate(Rate {
            count: limit.count,
            period_ms: limit.period_ms,
        });
        ("rate", limit.per.as_ref(), rule)
    });
    let concurrent = job.limits.max_concurrent.as_ref().map(|limit| {
        let per = limit.per.as_ref();
        let count = per.map_or(limit.count, |field| match value(field, payload) {
            ExactJson::Plain(value) => limit.count_for(value),
            // A weight is declared by the text of its value.
            exact => limit.count_for(&Value::String(canonical(&exact))),
        });
        ("concurrent", per, LimitRule::Concurrent { count })
    });
    let mut limits: Vec<_> = rate.into_iter().chain(concurrent).collect();
    limits.sort_by_key(|(_, per, _)| per.is_none());
    let limits = limits.into_iter().map(|(kind, per, rule)| {
        let value = per.map(|field| value(field, payload));
        Limit {
            key: limit_name(job, kind, per.zip(value.as_ref())),
            job_id: job.id.clone(),
            rule,
        }
    });
    limits.collect()
}

/// Returns the value of a field. A missing field counts as `null`.
fn value<'p>(field: &str, payload: &ExactJson<'p>) -> ExactJson<'p> {
    payload.get(field).unwrap_or(ExactJson::Plain(&Value::Null))
}

/// Returns a digest of the named fields, or of the whole payload if `by` is empty. A field that is
/// `null` counts as missing: typed clients write `null` for an absent `Option`, others omit it.
pub(super) fn payload_key(by: &[String], payload: &ExactJson<'_>) -> String {
    let Some(mut fields) = payload.members() else {
        return fingerprint(payload);
    };
    let is_named = |name: &str| by.is_empty() || by.iter().any(|named| named == name);
    fields.retain(|name, value| !value.is_null() && is_named(name));
    fingerprint(&ExactJson::Object(fields))
}

/// Returns the fields that differ between two payloads although a limit or a key derives from them.
pub(super) fn changed_key_fields(
    job: &JobDescriptor,
    before: &ExactJson<'_>,
    after: &ExactJson<'_>,
) -> Vec<ChangedKeyField> {
    let limits = &job.limits;
    let differs = |field: &String| value(field, before) != value(field, after);
    let per = [
        (
            "max_concurrent",
            limits
                .max_concurrent
                .as_ref()
                .and_then(|it| it.per.as_ref()),
        ),
        (
            "rate_limit",
            limits.rate_limit.as_ref().and_then(|it| it.per.as_ref()),
        ),
    ];
    let by = [
        ("unique", limits.unique.as_ref().map(|it| &it.by)),
        ("debounce", limits.debounce.as_ref().map(|it| &it.by)),
    ];
    let mut changed = Vec::new();
    for (rule, field) in per {
        let field = field.filter(|field| differs(field)).cloned();
        changed.extend(field.map(|field| ChangedKeyField {
            rule,
            field: Some(field),
        }));
    }
    for (rule, by) in by {
        match by {
            Some(by) if by.is_empty() && payload_key(by, before) != payload_key(by, after) => {
                changed.push(ChangedKeyField { rule, field: None });
            }
            by => changed.extend(by.into_iter().flatten().filter(|field| differs(field)).map(
                |field| {
                    let field = Some(field.clone());
                    ChangedKeyField { rule, field }
                },
            )),
        }
    }
    changed
}

/// A changed field that a limit or a key of the job derives from.
pub(super) struct ChangedKeyField {
    /// The argument of the `#[job]` attribute that uses the field, such as `unique`.
    pub(super) rule: &'static str,
    /// `None` if the rule uses the whole payload.
    pub(super) field: Option<String>,
}

#[cfg(test)]
mod tests {
    use jobs::{Catalogue, Job as _, JobError, job};
    use serde_json::json;

    use super::*;
    use crate::fingerprint::job_fingerprint;

    #[job(
        id = "service.limited",
        rename_all = "camelCase",
        max_concurrent = (2, per = "workspace_id"),
        rate_limit = "10/s",
        unique = (by = ["doc", "workspace_id"], on_conflict = "reject", live = ["running"]),
        debounce = ("1s", at_most = "1m"),
        max_waiting = 7
    )]
    async fn limited(
        workspace_id: String,
        #[sensitive] doc: Option<String>,
    ) -> Result<(), JobError> {
        drop((workspace_id, doc));
        Ok(())
    }

    #[job(id = "service.limited-both", rate_limit = ("1/min", per = "pin"), max_concurrent = (3, per = "pin"))]
    async fn both(#[sensitive] pin: u32) -> Result<(), JobError> {
        let _ = pin;
        Ok(())
    }

    #[job(
        id = "service.weighted",
        max_concurrent = (2, per = "plan", weights = ["gold:4", "7:3", "null:5"])
    )]
    async fn weighted(plan: Value) -> Result<(), JobError> {
        drop(plan);
        Ok(())
    }

    #[test]
    fn a_weight_multiplies_the_count_of_its_value() {
        let job = described(Weighted::DEFINITION);
        let count = |payload: Value| match rules(&job, &(&payload).into()).limits.as_slice() {
            [
                Limit {
                    rule: LimitRule::Concurrent { count },
                    ..
                },
            ] => *count,
            other => panic!("{other:?}"),
        };
        for (plan, expected) in [
            (json!("gold"), 8),
            (json!("free"), 2),
            (json!(7), 6),
            (json!("7"), 6),
            (json!(null), 10),
            (json!(["gold"]), 2),
        ] {
            assert_eq!(count(json!({ "plan": plan })), expected, "{plan}");
        }
        assert_eq!(count(json!({})), 10);
    }

    fn described(definition: &'static jobs::JobDefinition) -> JobDescriptor {
        let catalogue = Catalogue::of([definition]).expect("one job");
        let job = catalogue.iter().next().expect("one job");
        job.descriptor().clone()
    }

    fn keys(job: &JobDescriptor, payload: &Value) -> Vec<String> {
        let limits = rules(job, &payload.into()).limits.into_iter();
        limits.map(|limit| limit.key).collect()
    }

    #[test]
    fn divided_limits_come_first_and_rates_before_concurrency() {
        let job = described(Limited::DEFINITION);
        assert_eq!(
            keys(&job, &json!({"workspaceId": "w/1"})),
            ["service.limited/concurrent/\"w/1\"", "service.limited/rate"]
        );
        let job = described(Both::DEFINITION);
        let digest = format!("#{}", fingerprint(&(&json!(1234)).into()));
        let expected = [
            format!("service.limited-both/rate/{digest}"),
            format!("service.limited-both/concurrent/{digest}"),
        ];
        // The key of a sensitive field contains a digest instead of the value.
        assert_eq!(keys(&job, &json!({"pin": 1234})), expected);
    }

    #[test]
    fn a_limit_key_contains_the_value_or_the_digest_of_a_long_value() {
        let job = described(Limited::DEFINITION);
        let key = |value: Value| keys(&job, &json!({"workspaceId": value})).swap_remove(0);
        assert_eq!(key(json!(null)), "service.limited/concurrent/null");
        assert_eq!(keys(&job, &json!({}))[0], "service.limited/concurrent/null");
        assert_eq!(
            key(json!({"b": 1, "a": 2})),
            r#"service.limited/concurrent/{"a":2,"b":1}"#
        );
        let fits = "x".repeat(98);
        assert_eq!(
            key(json!(fits)),
            format!("service.limited/concurrent/\"{fits}\"")
        );
        let long = json!("x".repeat(99));
        let digest = fingerprint(&(&long).into());
        assert_eq!(key(long), format!("service.limited/concurrent/#{digest}"));
    }

    #[test]
    fn a_key_derives_from_the_named_fields_or_from_the_whole_payload() {
        let job = described(Limited::DEFINITION);
        let of = |payload: Value| {
            let rules = rules(&job, &(&payload).into());
            let unique = rules.unique.expect("the job has a unique rule");
            let debounce = rules.debounce.expect("the job has a debounce rule");
            (unique.key, debounce.key)
        };
        let (unique, debounce) = of(json!({"workspaceId": "w", "doc": "d", "x": 1}));
        let (same, another) = of(json!({"x": 2, "doc": "d", "workspaceId": "w"}));
        assert_eq!((unique == same, debounce == another), (true, false));
        let (without, _) = of(json!({"workspaceId": "w"}));
        assert_ne!(unique, without);
        // A missing field and `null` give the same key.
        assert_eq!(
            of(json!({"workspaceId": "w"})),
            of(json!({"workspaceId": "w", "doc": null}))
        );
        // Equal values of different fields give different keys.
        assert_ne!(of(json!({"workspaceId": "d"})), of(json!({"doc": "d"})));
    }

    #[test]
    fn finds_changed_fields_that_limits_and_keys_derive_from() {
        let job = described(Limited::DEFINITION);
        let changed = |before: Value, after: Value| -> Vec<String> {
            let changed = changed_key_fields(&job, &(&before).into(), &(&after).into()).into_iter();
            let text =
                |it: ChangedKeyField| format!("{} {}", it.rule, it.field.unwrap_or_default());
            changed.map(text).collect()
        };
        let before = json!({"workspaceId": "w", "doc": null});
        assert!(changed(before.clone(), json!({"workspaceId": "w"})).is_empty());
        assert_eq!(
            changed(before, json!({"workspaceId": "v"})),
            [
                "max_concurrent workspaceId",
                "unique workspaceId",
                "debounce "
            ]
        );
    }

    /// Two accounts that are the same float: each has its own keys and its own limit.
    #[test]
    fn integers_beyond_64_bits_are_told_apart() {
        let job = described(Limited::DEFINITION);
        let of = |account: &str| {
            let text = format!(r#"{{"workspaceId":{account},"doc":"d"}}"#);
            let value: Value = serde_json::from_str(&text).expect("JSON");
            let rules = rules(&job, &ExactJson::new(&value, &text));
            let unique = rules.unique.expect("the job has a unique rule").key;
            let debounce = rules.debounce.expect("the job has a debounce rule").key;
            (unique, debounce, rules.limits[0].key.clone())
        };
        let one = of("340282366920938463463374607431768211455");
        let other = of("340282366920938463463374607431768211454");
        assert_ne!(one.0, other.0);
        assert_ne!(one.1, other.1);
        assert_eq!(
            one.2,
            "service.limited/concurrent/340282366920938463463374607431768211455"
        );
    }

    #[test]
    fn limits_are_part_of_a_jobs_fingerprint() {
        let job = described(Limited::DEFINITION);
        let fingerprint = |change: fn(&mut JobDescriptor)| {
            let mut job = job.clone();
            change(&mut job);
            job_fingerprint(&job).expect("JSON")
        };
        let prints = [
            fingerprint(|_| {}),
            fingerprint(|job| job.limits.max_waiting = Some(8)),
            fingerprint(|job| job.limits.unique = None),
            fingerprint(|job| job.limits = jobs::JobLimits::default()),
        ];
        let distinct: BTreeSet<_> = prints.iter().collect();
        assert_eq!(distinct.len(), prints.len());
    }

    #[job(id = "service.per-tenant", max_concurrent = (2, per = "tenant"), unique = (by = ["tenant"]))]
    async fn per_tenant(tenant: String, doc: u32) -> Result<(), JobError> {
        drop((tenant, doc));
        Ok(())
    }

    #[job(id = "service.whole-payload", debounce = "1s")]
    async fn whole_payload(doc: u32) -> Result<(), JobError> {
        let _ = doc;
        Ok(())
    }

    #[job(id = "service.common-limit", max_concurrent = 5)]
    async fn common_limit(doc: u32) -> Result<(), JobError> {
        let _ = doc;
        Ok(())
    }

    #[test]
    fn executions_with_the_same_key_share_a_shard() {
        let job = described(PerTenant::DEFINITION);
        let shard_of =
            |tenant: &str, doc: u32| shard(&job, &(&json!({"tenant": tenant, "doc": doc})).into());
        let acme = shard_of("acme", 1).expect("both rules name `tenant`");
        assert!(acme < ExecutionId::SHARDS);
        assert_eq!(shard_of("acme", 2), Some(acme));
        let shards: BTreeSet<_> = (0..100).map(|n| shard_of(&format!("t{n}"), 1)).collect();
        assert!(
            shards.len() > 80,
            "100 tenants have {} shards",
            shards.len()
        );
        let job = described(WholePayload::DEFINITION);
        assert_ne!(
            shard(&job, &(&json!({"doc": 1})).into()),
            shard(&job, &(&json!({"doc": 3})).into())
        );
    }

    #[test]
    fn rules_that_name_different_fields_give_no_shard() {
        let payload = json!({"workspaceId": "w", "doc": "d", "tenant": "t"});
        for definition in [Limited::DEFINITION, CommonLimit::DEFINITION] {
            assert_eq!(shard(&described(definition), &(&payload).into()), None);
        }
    }
}
