//! The third stage: checks the attribute and the signature together, and accepts a job.
//!
//! [`JobAttribute`] and [`Signature`] are what the author wrote. [`AcceptedJob`] is what the
//! expansion generates. Only [`AcceptedJob::accept`] turns the first two into the third. A job with
//! a mistake becomes an [`Outline`] instead: code that uses its payload still compiles.
//!
//! | module | content |
//! |---|---|
//! | `checks` | every check that needs more than one key or one argument |
//! | `payload` | the payload struct, from the by-value arguments |
//! | `retry_policy` | `retries` and `max_attempts`, joined |
//!
//! `expansion` imports this module. The module imports `attribute` and `signature`, never
//! `expansion`: it generates no items.

mod checks;
mod payload;
mod retry_policy;

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Ident, LitStr, Path, Type};

use crate::attribute::{JobAttribute, Retain, Spanned, limits};
use crate::errors::Errors;
use crate::signature::docs::Docs;
use crate::signature::shown::shown;
use crate::signature::{Argument, Function, Kind, Signature};

pub(crate) use crate::attribute::{Priority, Schedule};
pub(crate) use payload::{Field, Initial, Payload, Sensitive, Shape};
pub(crate) use retry_policy::RetryPolicy;

/// A job without mistakes.
#[derive(Debug)]
pub(crate) struct AcceptedJob {
    pub(crate) outline: Outline,
    pub(crate) id: LitStr,
    pub(crate) function: Ident,
    pub(crate) kind: Kind,
    pub(crate) inputs: Vec<Input>,
    pub(crate) options: Options,
}

/// The parts of a job that an expansion contains also after a mistake.
#[derive(Debug)]
pub(crate) struct Outline {
    /// The path of the crate `jobs`.
    pub(crate) krate: TokenStream,
    /// Repeated on every item beside the function.
    pub(crate) shared: Vec<Attribute>,
    /// Set for a deprecated function, so that the runtime's call of it does not warn.
    pub(crate) deprecated: bool,
    pub(crate) docs: Docs,
    pub(crate) payload: Payload,
    pub(crate) output: Option<Type>,
}

/// The source of one argument of the handler.
#[derive(Debug)]
pub(crate) enum Input {
    /// The context, or a resource of this type.
    Runtime(Box<Type>),
    /// This field of the payload.
    Field(Ident),
    /// The whole payload.
    Payload,
}

/// The options of the job. Each one that is present becomes one call of the const builder.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) label: Option<LitStr>,
    pub(crate) aliases: Vec<LitStr>,
    /// The inner `None` is `timeout = "none"`.
    pub(crate) timeout: Option<Option<Duration>>,
    pub(crate) retries: Option<RetryPolicy>,
    pub(crate) priority: Option<Priority>,
    pub(crate) queue: Option<LitStr>,
    pub(crate) routing_key: Option<LitStr>,
    pub(crate) tags: Vec<LitStr>,
    /// The `#[sensitive]` fields.
    pub(crate) sensitive: Sensitive,
    pub(crate) disabled: bool,
    pub(crate) limits: Limits,
    pub(crate) expires: Option<Duration>,
    pub(crate) retain: Option<Retain>,
    /// The macro has checked that a payload of arguments has a default for every field. The
    /// catalogue checks a whole payload.
    pub(crate) schedules: Vec<Schedule>,
    /// The function that converts older shapes of the payload.
    pub(crate) upcast: Option<Path>,
}

/// The accepted limits. Fields are named as in JSON.
pub(crate) type Limits = limits::Limits<JsonName>;
pub(crate) type MaxConcurrent = limits::MaxConcurrent<JsonName>;
pub(crate) type RateLimit = limits::RateLimit<JsonName>;
pub(crate) type Unique = limits::Unique<JsonName>;
pub(crate) type Debounce = limits::Debounce<JsonName>;

/// A field's name in JSON, at the place where a key names the field.
#[derive(Debug)]
pub(crate) struct JsonName(LitStr);

impl ToTokens for JsonName {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.0.to_tokens(tokens);
    }
}

impl AcceptedJob {
    /// Accepts a job. After a mistake, here or in `errors` already, returns what is left of it.
    pub(crate) fn accept(
        attribute: JobAttribute,
        function: &Function,
        signature: Signature,
        errors: &mut Errors,
    ) -> Result<Self, Box<Outline>> {
        let JobAttribute {
            id,
            aliases,
            label,
            timeout,
            retries,
            max_attempts,
            priority,
            queue,
            routing_key,
            tags,
            rename_all,
            deny_unknown,
            derive,
            payload,
            enabled,
            krate,
            upcast,
            limits,
            expires,
            retain,
            schedules,
        } = attribute;
        let Signature {
            kind,
            arguments,
            output,
            is_method: _,
        } = signature;

        let id = id.map(|id| id.value);
        let aliases = aliases.map(|aliases| aliases.value).unwrap_or_default();
        checks::reject_alias_of_itself(id.as_ref(), &aliases, errors);
        let mut derives = derive.map(|derive| derive.value).unwrap_or_default();
        checks::reject_own_derives(&mut derives, errors);
        checks::reject_upcast_without_handler(upcast.as_ref(), kind, errors);
        let krate = match krate {
            Some(Spanned { value, .. }) => quote!(#value),
            None => quote!(::jobs),
        };
        let mentioned = arguments.iter().map(Argument::ty).chain(&output);
        let name = payload::name(payload, &function.signature.ident, mentioned, errors);
        let (inputs, sensitive, shape) =
            payload::sort_arguments(arguments, rename_all.as_ref(), &derives, errors);
        match &shape {
            Shape::Fields(fields) => {
                checks::named_fields::check(&limits, schedules.first(), function, fields, errors);
            }
            Shape::Whole(ty) => {
                let rename_all = rename_all.as_ref().map(|rule| &rule.key);
                let deny_unknown = deny_unknown.as_ref().map(|deny| &deny.key);
                let keys = rename_all.into_iter().chain(deny_unknown);
                checks::whole_payload::reject_keys(keys, &shown(ty), errors);
            }
        }
        limits.reject_contradictions(errors);
        let limits = limits.map_fields(|field| shape.json_name(field));
        let whole = matches!(shape, Shape::Whole(_));

        // The expansion implements `Default` with the fields' defaults.
        let is_default = |path: &Path| !whole && checks::ends_with(path, "Default");
        let outline = Outline {
            krate,
            shared: function.shared_attributes(),
            deprecated: function.is_deprecated(),
            docs: Docs::of(&function.attributes),
            payload: Payload {
                name,
                visibility: function.visibility.clone(),
                default: derives.iter().any(is_default),
                derives: derives
                    .into_iter()
                    .filter(|path| !is_default(path))
                    .collect(),
                rename_all: rename_all.map(|rule| rule.value),
                deny_unknown: deny_unknown.is_some_and(|deny| deny.value),
                shape,
            },
            output,
        };
        let options = Options {
            label: label.map(|label| label.value),
            aliases,
            timeout: timeout.map(|timeout| timeout.value),
            retries: RetryPolicy::accept(retries, max_attempts, errors),
            priority: priority.map(|priority| priority.value),
            queue: queue.map(|queue| queue.value),
            routing_key: routing_key.map(|key| key.value),
            tags: tags.map(|tags| tags.value).unwrap_or_default(),
            sensitive,
            disabled: enabled.is_some_and(|enabled| !enabled.value),
            schedules: schedules.into_iter().map(|one| one.value).collect(),
            limits,
            expires: expires.map(|expires| expires.value),
            retain,
            upcast: upcast.map(|function| function.value),
        };
        match id {
            Some(id) if errors.is_empty() => Ok(Self {
                outline,
                id,
                function: function.signature.ident.clone(),
                kind,
                inputs,
                options,
            }),
            _ => Err(Box::new(outline)),
        }
    }
}
