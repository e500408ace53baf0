//! Hygiene: the expansion works where an application shadows common names.

#![deny(unused, clippy::all)]
#![allow(
    non_camel_case_types,
    dead_code,
    reason = "the shadowing items are not used"
)]

use ::jobs::Job as _;

use crate::support::run;

// Every name that an unhygienic expansion could use. Primitive types and `Some` are missing,
// because the derives of serde and schemars use them.
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

/// Uses no common name for its types.
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
fn the_expansion_ignores_shadowed_names() {
    let payload = Shadowed::new("a", "b").other("c");
    assert_eq!(run(&payload).expect("succeeds"), "\"a\"");
    assert_eq!(Shadowed::ID, "hygiene.shadowed");
}
