//! The calls of the const builder: one per option of the job.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::duration::duration;
use crate::attribute::Retain;
use crate::model::{AcceptedJob, Input, Options, Priority, RetryPolicy, Sensitive};

/// Generates `.docs(…).timeout(…)…`.
pub(super) fn options(job: &AcceptedJob) -> TokenStream {
    let Options {
        label,
        aliases,
        timeout,
        retries,
        priority,
        queue,
        routing_key,
        tags,
        sensitive,
        disabled,
        limits,
        expires,
        retain,
        schedules,
        upcast,
    } = &job.options;
    let docs = &job.outline.docs;
    let docs = (!docs.is_empty()).then(|| {
        let text = docs.text();
        quote!(.docs(#text))
    });
    let resources = resources(job);
    let label = label.as_ref().map(|label| quote!(.label(#label)));
    let aliases = (!aliases.is_empty()).then(|| quote!(.aliases(&[#(#aliases),*])));
    let timeout = timeout.map(|timeout| match timeout {
        Some(timeout) => {
            let timeout = duration(timeout);
            quote!(.timeout(__private::Option::Some(#timeout)))
        }
        None => quote!(.timeout(__private::Option::None)),
    });
    let retries = retries.as_ref().map(|policy| {
        let policy = retry_policy(policy);
        quote!(.retries(#policy))
    });
    let priority = priority.map(|priority| {
        let priority = match priority {
            Priority::Named(name) => {
                let name = Ident::new(name, Span::call_site());
                quote!(__private::Priority::#name)
            }
            Priority::Value(value) => {
                let value = Literal::u8_unsuffixed(value);
                quote!(__private::priority(#value))
            }
        };
        quote!(.priority(#priority))
    });
    let queue = queue.as_ref().map(|queue| quote!(.queue(#queue)));
    let routing_key = routing_key.as_ref().map(|key| quote!(.routing_key(#key)));
    let tags = (!tags.is_empty()).then(|| quote!(.tags(&[#(#tags),*])));
    let Sensitive {
        names,
        aliases: former,
    } = sensitive;
    let sensitive = (!names.is_empty()).then(|| quote!(.sensitive(&[#(#names),*])));
    let former = (!former.is_empty()).then(|| quote!(.sensitive_aliases(&[#(#former),*])));
    let enabled = disabled.then(|| quote!(.enabled(false)));
    let limits = super::limits::limits(limits);
    let expires = expires.map(|expires| {
        let expires = duration(expires);
        quote!(.expires(__private::Option::Some(#expires)))
    });
    let retain = retain.map(self::retain);
    let schedules = (!schedules.is_empty()).then(|| {
        let schedules = schedules.iter().map(super::schedule::schedule);
        quote!(.schedules(&[#(#schedules),*]))
    });
    let upcast = upcast.as_ref().map(|function| {
        // Errors about the function's types point at it.
        let span = Span::call_site().located_at(function.span());
        let payload = Ident::new("payload", Span::mixed_site().located_at(span));
        quote_spanned! {span=>
            .upcast(|#payload| __private::UpcastReturn::into_result(#function(#payload)))
        }
    });
    quote! {
        #docs #resources #label #aliases #timeout #retries #priority #queue #routing_key #tags
        #sensitive #former #enabled #limits #expires #retain #schedules #upcast
    }
}

fn resources(job: &AcceptedJob) -> Option<TokenStream> {
    let requests: Vec<TokenStream> = job
        .inputs
        .iter()
        .filter_map(|input| match input {
            Input::Runtime(ty) => Some(quote!(__private::ResourceRequest::of::<#ty>())),
            Input::Field(_) | Input::Payload => None,
        })
        .collect();
    (!requests.is_empty()).then(|| quote!(.resources(&[#(#requests),*])))
}

fn retry_policy(policy: &RetryPolicy) -> TokenStream {
    let max_attempts = Literal::u32_unsuffixed(policy.max_attempts);
    let delays = policy.delays.iter().map(|delay| duration(*delay));
    let jitter = policy.jitter.map(|jitter| {
        let share = Literal::f32_unsuffixed(jitter);
        quote!(.jitter(#share))
    });
    quote!(__private::RetryPolicy::new(#max_attempts, &[#(#delays),*]) #jitter)
}

/// Generates `.retain(…)`, with a call for each status that has a time.
fn retain(retain: Retain) -> TokenStream {
    let Retain {
        succeeded,
        failed,
        cancelled,
    } = retain;
    let times = [
        ("succeeded", succeeded),
        ("failed", failed),
        ("cancelled", cancelled),
    ];
    let calls = times.into_iter().filter_map(|(status, time)| {
        let status = Ident::new(status, Span::call_site());
        let time = duration(time?);
        Some(quote!(.#status(#time)))
    });
    quote!(.retain(__private::Retain::new() #(#calls)*))
}

#[cfg(test)]
mod tests {
    use crate::attribute::JobAttribute;
    use crate::errors::Errors;
    use crate::model::AcceptedJob;
    use crate::signature::{Function, Signature};

    /// Generates the calls for a job.
    fn options(attribute: &str, function: &str) -> String {
        let mut errors = Errors::default();
        let function: Function = syn::parse_str(function).expect(function);
        let attribute = JobAttribute::parse(attribute.parse().expect(attribute), &mut errors);
        let signature = Signature::read(&function, &mut errors);
        let job = AcceptedJob::accept(attribute, &function, signature, &mut Errors::default());
        super::options(&job.expect("accepted"))
            .to_string()
            .replace(' ', "")
    }

    #[test]
    fn a_repeated_schedule_adds_another_one() {
        let attribute = r#"id = "a", schedule = "@daily", schedule = ("0 9 * * *", jitter = "1m",
            timezone = "Europe/Paris", catch_up = "all(3)", overlap = "queue")"#;
        assert_eq!(
            options(attribute, "fn f() -> R {}"),
            ".schedules(&[__private::Schedule::new(\"@daily\"),\
             __private::Schedule::new(\"09***\").timezone(\"Europe/Paris\")\
             .catch_up(__private::CatchUp::All(3)).overlap(__private::Overlap::Queue)\
             .jitter(__private::Duration::from_secs(60))])"
        );
    }
    #[test]
    fn a_time_without_a_status_is_the_default_of_the_others() {
        let day = "__private::Duration::from_secs(86400)";
        let hour = "__private::Duration::from_secs(3600)";
        let all = format!(".succeeded({day}).failed({hour}).cancelled({day})");
        for (written, calls) in [
            (r#"("1d", failed = "1h")"#, all),
            (r#"(failed = "1h")"#, format!(".failed({hour})")),
        ] {
            let generated = options(
                &format!(r#"id = "a", retain = {written}"#),
                "fn f() -> R {}",
            );
            assert_eq!(
                generated,
                format!(".retain(__private::Retain::new(){calls})")
            );
        }
    }
}
