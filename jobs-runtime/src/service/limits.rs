//! What holds an execution back, and what makes it the same as another: from its job's limits and
//! its payload.

use jobs::JobDescriptor;
use serde_json::{Map, Value};

use crate::fingerprint::fingerprint;
use crate::store::{DebounceKey, EnqueueRules, Limit, LimitRule, Rate, UniqueKey, limit_name};

/// The rules of an execution of this job with this payload, defaults included.
pub(super) fn rules(job: &JobDescriptor, payload: &Value) -> EnqueueRules {
    let limits = &job.limits;
    EnqueueRules {
        limits: self::limits(job, payload),
        unique: limits.unique.as_ref().map(|rule| UniqueKey {
            key: key(&rule.by, payload),
            within_ms: rule.within_ms,
            on_conflict: rule.on_conflict,
            live: rule.live.clone(),
        }),
        debounce: limits.debounce.as_ref().map(|rule| DebounceKey {
            key: key(&rule.by, payload),
            delay_ms: rule.delay_ms,
            at_most_ms: rule.at_most_ms,
        }),
        max_waiting: limits.max_waiting,
    }
}

/// The limits in the order in which they are passed.
///
/// Those that are divided come first, so that a tenant with a long backlog waits at its own limit
/// and not before everybody else at the common one. A permit to start is there to be used, one to
/// run is not there while somebody else runs: so the rate is passed before the other.
fn limits(job: &JobDescriptor, payload: &Value) -> Vec<Limit> {
    let rate = job.limits.rate_limit.as_ref().map(|limit| {
        let rule = LimitRule::Rate(Rate {
            count: limit.count,
            period_ms: limit.period_ms,
        });
        ("rate", limit.per.as_ref(), rule)
    });
    let concurrent = job.limits.max_concurrent.as_ref().map(|limit| {
        let per = limit.per.as_ref();
        let count = per.map_or(limit.count, |field| limit.count_for(value(field, payload)));
        ("concurrent", per, LimitRule::Concurrent { count })
    });
    let mut limits: Vec<_> = rate.into_iter().chain(concurrent).collect();
    limits.sort_by_key(|(_, per, _)| per.is_none());
    let limits = limits.into_iter().map(|(kind, per, rule)| Limit {
        key: limit_name(job, kind, per.map(|field| (field, value(field, payload)))),
        job_id: job.id.clone(),
        rule,
    });
    limits.collect()
}

/// What is left out counts as `null`.
fn value<'p>(field: &str, payload: &'p Value) -> &'p Value {
    payload.get(field).unwrap_or(&Value::Null)
}

/// A digest of the named fields, or of the whole payload. What is not there counts as `null`: a
/// typed client writes one where others leave the field out.
fn key(by: &[String], payload: &Value) -> String {
    let Value::Object(fields) = payload else {
        return fingerprint(payload);
    };
    let named = fields
        .iter()
        .filter(|(name, value)| !value.is_null() && (by.is_empty() || by.contains(name)));
    let named: Map<String, Value> = named
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    fingerprint(&Value::Object(named))
}

/// The fields of a waiting execution's payload that another one must leave as they are: it is
/// counted by them, and found by them.
pub(super) fn fixed_fields(job: &JobDescriptor, before: &Value, after: &Value) -> Vec<Fixed> {
    let limits = &job.limits;
    let differs = |field: &String| {
        let of = |payload: &Value| payload.get(field).cloned().unwrap_or(Value::Null);
        of(before) != of(after)
    };
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
    let mut fixed = Vec::new();
    for (key, field) in per {
        let field = field.filter(|field| differs(field)).cloned();
        fixed.extend(field.map(|field| Fixed {
            key,
            field: Some(field),
        }));
    }
    for (key, by) in by {
        match by {
            Some(by) if by.is_empty() && self::key(by, before) != self::key(by, after) => {
                fixed.push(Fixed { key, field: None });
            }
            by => fixed.extend(by.into_iter().flatten().filter(|field| differs(field)).map(
                |field| {
                    let field = Some(field.clone());
                    Fixed { key, field }
                },
            )),
        }
    }
    fixed
}

/// A field that is not to be changed, or all of them.
pub(super) struct Fixed {
    /// The key of the attribute that it is for.
    pub(super) key: &'static str,
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
    fn a_value_with_a_weight_has_so_many_times_as_many() {
        let job = described(Weighted::DEFINITION);
        let count = |payload: Value| match rules(&job, &payload).limits.as_slice() {
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
        let limits = rules(job, payload).limits.into_iter();
        limits.map(|limit| limit.key).collect()
    }

    #[test]
    fn divided_limits_are_passed_first_and_rates_before_others() {
        let job = described(Limited::DEFINITION);
        assert_eq!(
            keys(&job, &json!({"workspaceId": "w/1"})),
            ["service.limited/concurrent/\"w/1\"", "service.limited/rate"]
        );
        let job = described(Both::DEFINITION);
        let digest = format!("#{}", fingerprint(&json!(1234)));
        let expected = [
            format!("service.limited-both/rate/{digest}"),
            format!("service.limited-both/concurrent/{digest}"),
        ];
        // A sensitive value stands in no key.
        assert_eq!(keys(&job, &json!({"pin": 1234})), expected);
    }

    #[test]
    fn values_are_named_by_their_text_unless_it_is_long() {
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
        let digest = fingerprint(&long);
        assert_eq!(key(long), format!("service.limited/concurrent/#{digest}"));
    }

    #[test]
    fn keys_are_of_the_named_fields_or_of_everything() {
        let job = described(Limited::DEFINITION);
        let of = |payload: Value| {
            let rules = rules(&job, &payload);
            let unique = rules.unique.expect("it is written");
            let debounce = rules.debounce.expect("it is written");
            (unique.key, debounce.key)
        };
        let (unique, debounce) = of(json!({"workspaceId": "w", "doc": "d", "x": 1}));
        let (same, another) = of(json!({"x": 2, "doc": "d", "workspaceId": "w"}));
        assert_eq!((unique == same, debounce == another), (true, false));
        let (without, _) = of(json!({"workspaceId": "w"}));
        assert_ne!(unique, without);
        // What is not there is null, as a typed client writes it.
        assert_eq!(
            of(json!({"workspaceId": "w"})),
            of(json!({"workspaceId": "w", "doc": null}))
        );
        // A value is not taken for another's.
        assert_ne!(of(json!({"workspaceId": "d"})), of(json!({"doc": "d"})));
    }

    #[test]
    fn what_an_execution_is_counted_by_stays() {
        let job = described(Limited::DEFINITION);
        let fixed = |before: Value, after: Value| -> Vec<String> {
            let fixed = fixed_fields(&job, &before, &after).into_iter();
            let told = |it: Fixed| format!("{} {}", it.key, it.field.unwrap_or_default());
            fixed.map(told).collect()
        };
        let before = json!({"workspaceId": "w", "doc": null});
        assert!(fixed(before.clone(), json!({"workspaceId": "w"})).is_empty());
        assert_eq!(
            fixed(before, json!({"workspaceId": "v"})),
            [
                "max_concurrent workspaceId",
                "unique workspaceId",
                "debounce "
            ]
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
        let distinct: std::collections::BTreeSet<_> = prints.iter().collect();
        assert_eq!(distinct.len(), prints.len());
    }
}
