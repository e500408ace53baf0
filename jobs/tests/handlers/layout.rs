//! Places of a job declaration: modules, function bodies, macros, conditional compilation, and
//! other names of the crate.

use jobs::{Job, JobError};

use crate::support::{linked, run, run_with};

mod archive {
    use jobs::{JobError, job};

    #[job(id = "layout.archive")]
    pub(crate) async fn archive(path: String) -> Result<String, JobError> {
        Ok(path)
    }
}
pub(crate) use archive::*;

#[test]
fn a_function_named_like_its_module() {
    assert_eq!(run(&Archive::new("x")).expect("succeeds"), "\"x\"");
    drop(archive("callable".to_owned()));
    assert_eq!(
        linked::<Archive>().source().module,
        "handlers::layout::archive"
    );
}

mod outer {
    pub(super) mod inner {
        use jobs::{JobError, job};

        #[job(id = "layout.restricted")]
        pub(in crate::layout) async fn restricted(
            #[default(2)] number: u8,
        ) -> Result<u8, JobError> {
            Ok(number)
        }
    }
}

#[test]
fn the_payload_is_as_visible_as_the_function() {
    let payload = outer::inner::Restricted::new().number(3);
    assert_eq!(payload.number, 3);
}

#[test]
fn a_job_inside_a_function_body() {
    #[jobs::job(id = "layout.body")]
    async fn in_a_body(#[default("x")] text: String) -> Result<String, JobError> {
        Ok(text)
    }
    assert_eq!(run(&InABody::new()).expect("succeeds"), "\"x\"");
}

macro_rules! declare {
    ($(#[$docs:meta])* $vis:vis $name:ident, $id:literal, $ty:ty, $default:expr, $body:block) => {
        $(#[$docs])*
        #[jobs::job(id = $id, timeout = "1m")]
        $vis async fn $name(value: $ty, #[default($default)] other: $ty) -> Result<$ty, JobError> {
            let _ = (value, other);
            $body
        }
    };
}

declare!(
    /// Declared by a macro.
    pub(crate) by_macro, "layout.macro", Option<String>, None, { Ok(None) }
);

#[test]
fn a_job_declared_by_a_macro() {
    assert_eq!(run(&ByMacro::new().other(None)).expect("succeeds"), "null");
    assert_eq!(
        linked::<ByMacro>().descriptor().label,
        "Declared by a macro"
    );
}

macro_rules! nested {
    ($item:item) => {
        $item
    };
}

nested! {
    #[jobs::job(id = "layout.item")]
    async fn as_an_item(value: u8) -> Result<u8, JobError> {
        Ok(value)
    }
}

#[test]
fn a_job_passed_through_a_macro_as_an_item() {
    assert_eq!(AsAnItem::ID, "layout.item");
}

#[jobs::job(id = "layout.never")]
#[cfg(any())]
async fn never(value: DoesNotExist) -> Result<u8, JobError> {
    Ok(value)
}

#[cfg(any())]
#[jobs::job(id = "layout.never")]
async fn never_either(value: DoesNotExist) -> Result<u8, JobError> {
    Ok(value)
}

#[cfg(not(any()))]
#[jobs::job(id = "layout.never")]
#[cfg(not(any()))]
async fn always(value: u8) -> Result<u8, JobError> {
    Ok(value)
}

#[test]
fn cfg_removes_the_whole_expansion_or_nothing() {
    assert_eq!(run(&Always::new(5)).expect("succeeds"), "5");
}

mod reexported {
    pub(crate) use jobs as background;
}

mod renamed {
    use super::reexported::background::{JobError, job, resource};

    #[job(id = "layout.renamed", crate = crate::layout::reexported::background)]
    pub(super) async fn renamed(#[default(1)] value: u8) -> Result<u8, JobError> {
        Ok(value)
    }

    struct Nothing;

    #[resource(crate = crate::layout::reexported::background)]
    fn nothing() -> Nothing {
        Nothing
    }
}

#[test]
fn a_job_of_a_reexported_crate() {
    assert_eq!(run(&renamed::Renamed::new()).expect("succeeds"), "1");
}

mod of_a_renamed_crate {
    use background::{JobError, job, resource};

    #[job(id = "layout.renamed-crate", crate = ::background, derive(Debug))]
    pub(super) async fn of_a_renamed_crate(
        nothing: &super::Nothing,
        #[default("x")] value: String,
    ) -> Result<String, JobError> {
        let _ = nothing;
        Ok(value)
    }

    #[resource(crate = ::background)]
    fn nothing() -> super::Nothing {
        super::Nothing
    }
}

struct Nothing;

#[test]
fn a_job_of_a_renamed_crate() {
    let resource = jobs::runtime::BuiltResource::new(std::sync::Arc::new(Nothing));
    let result = run_with::<of_a_renamed_crate::OfARenamedCrate>([resource], "{}");
    assert_eq!(result.expect("succeeds"), "\"x\"");
}

macro_rules! blocking_jobs {
    ($($id:literal => $name:ident($($argument:ident: $ty:ty = $default:literal),*) $body:expr;)*) => {$(
        #[jobs::job(id = $id)]
        fn $name(
            ctx: &jobs::JobContext,
            $(#[default($default)] $argument: $ty),*
        ) -> Result<u32, JobError> {
            ctx.check()?;
            Ok($body)
        }
    )*};
}

blocking_jobs! {
    "layout.many-add" => many_add(a: u32 = 2, b: u32 = 3) a + b;
    "layout.many-none" => many_none() 7;
}

#[test]
fn several_jobs_from_one_macro() {
    assert_eq!(run(&ManyAdd::new().b(5_u32)).expect("succeeds"), "7");
    assert_eq!(run(&ManyNone::new()).expect("succeeds"), "7");
}
