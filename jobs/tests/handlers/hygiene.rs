//! Names that an application may have shadowed: the expansion does not look at them.

#![deny(unused, clippy::all)]
#![allow(non_camel_case_types, dead_code, reason = "what shadows is not used")]

use ::jobs::Job as _;

use crate::support::run;

// Everything that a less careful expansion would name, but for what the derives of serde and
// schemars name themselves: the primitive types, and `Some`.
mod serde {}
mod schemars {}
mod jobs {}
mod core {}
mod std {}
mod alloc {}
mod inventory {}
struct Option;
struct Result;
struct Box;
struct String;
struct Vec;
struct Duration;
struct Arc;
trait Send {}
trait Sync {}
trait From {}
trait Into {}
trait Default {}
trait Job {}
trait JsonSchema {}
trait Serialize {}
trait Deserialize {}
trait IntoField {}
struct JobDefinition;
struct Handler;
struct RetryPolicy;
struct Priority;
const DEFINITION: u8 = 0;
#[allow(non_upper_case_globals)]
const None: u8 = 0;
#[allow(non_upper_case_globals)]
const Ok: u8 = 0;
#[allow(non_upper_case_globals)]
const Err: u8 = 0;

type Text = ::std::string::String;
type Maybe<T> = ::std::option::Option<T>;
type Answer<T> = ::std::result::Result<T, ::jobs::JobError>;

struct Thing;

/// Names nothing by its usual name.
#[::jobs::job(
    id = "hygiene.shadowed",
    timeout = "1m",
    retries = exponential(base = "1s", count = 3, jitter = 0.1),
    priority = 3,
    rename_all = "camelCase",
    deny_unknown
)]
async fn shadowed(
    ctx: &::jobs::JobContext,
    text: Text,
    #[default("x")] other: Text,
    #[default(::std::option::Option::None)] maybe: Maybe<u8>,
    #[sensitive] secret: Text,
) -> Answer<Text> {
    ctx.check()?;
    let _ = (other, maybe, secret);
    ::std::result::Result::Ok(text)
}

#[::jobs::job(id = "hygiene.thing")]
fn with_thing(thing: &Thing) -> Answer<()> {
    let _ = thing;
    ::std::result::Result::Ok(())
}

#[::jobs::resource]
fn thing() -> Thing {
    Thing
}

#[test]
fn shadowed_names_do_not_matter() {
    let payload = Shadowed::new("a", "b").other("c");
    assert_eq!(run(&payload).expect("succeeds"), "\"a\"");
    assert_eq!(Shadowed::ID, "hygiene.shadowed");
}
