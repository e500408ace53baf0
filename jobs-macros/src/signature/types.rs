//! Questions about the syntax of a type. A macro cannot resolve names, so an alias is opaque.

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{
    GenericArgument, Ident, Lifetime, Path, PathArguments, PathSegment, Type, TypeParamBound,
};

/// Removes parentheses and invisible groups around a type.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Paren(inner) => bare(&inner.elem),
        Type::Group(inner) => bare(&inner.elem),
        other => other,
    }
}

/// The last segment of a type's path: `Arc<T>` of `std::sync::Arc<T>`.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match bare(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// The first type between the angle brackets: `T` of `Result<T, E>`.
pub(crate) fn first_argument(segment: &PathSegment) -> Option<&Type> {
    match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => {
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
        }
        _ => None,
    }
}

/// The second type between the angle brackets: `E` of `Result<T, E>`.
pub(crate) fn second_argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    let mut types = types.skip(1);
    types.next()
}

/// Returns `true` for `Box<dyn Error>` without `Send` or without `Sync`.
pub(crate) fn is_local_box(ty: &Type) -> bool {
    let boxed = last_segment(ty).filter(|segment| segment.ident == "Box");
    let Some(Type::TraitObject(object)) = boxed.and_then(first_argument).map(bare) else {
        return false;
    };
    let has = |name: &str| {
        object.bounds.iter().any(|bound| match bound {
            TypeParamBound::Trait(bound) => {
                let last = bound.path.segments.last();
                last.is_some_and(|segment| segment.ident == name)
            }
            _ => false,
        })
    };
    has("Error") && !(has("Send") && has("Sync"))
}

/// The span for generated code whose errors belong at the type. Names resolve, and lints apply, as
/// in all generated code.
pub(crate) fn at(ty: &Type) -> Span {
    Span::call_site().located_at(ty.span())
}

/// Returns `true` if a type contains `name` without a path before it.
pub(crate) fn mentions(ty: &Type, name: &Ident) -> bool {
    struct Mentions<'a>(&'a Ident, bool);

    impl<'ast> Visit<'ast> for Mentions<'_> {
        fn visit_path(&mut self, path: &'ast Path) {
            self.1 |= path
                .segments
                .first()
                .is_some_and(|first| first.ident == *self.0)
                && path.leading_colon.is_none()
                && path.segments.len() == 1;
            visit::visit_path(self, path);
        }
    }

    let mut mentions = Mentions(name, false);
    mentions.visit_type(ty);
    mentions.1
}

/// Returns `true` if a type names something by `$crate`, which no text can express.
pub(crate) fn has_dollar_crate(ty: &Type) -> bool {
    struct Search(bool);

    impl<'ast> Visit<'ast> for Search {
        fn visit_ident(&mut self, ident: &'ast Ident) {
            self.0 |= ident == "$crate";
        }
    }

    let mut search = Search(false);
    search.visit_type(ty);
    search.0
}

/// Returns `true` if a type is an `Option`, by its name.
pub(crate) fn is_option(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == "Option")
}

/// Returns `true` if a type consists of standard library types that every payload can contain.
///
/// The test is by name. A program that gives one of these names to another type gets the compiler's
/// own errors if that type cannot be stored.
pub(crate) fn is_always_storable(ty: &Type) -> bool {
    const ALWAYS_STORABLE: [&str; 21] = [
        "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64",
        "i128", "isize", "f32", "f64", "String", "Option", "Vec", "Box", "PathBuf",
    ];
    match bare(ty) {
        Type::Path(path) if path.qself.is_none() && path.path.segments.len() == 1 => {
            let segment = &path.path.segments[0];
            ALWAYS_STORABLE.iter().any(|name| segment.ident == name)
                && first_argument(segment).is_none_or(is_always_storable)
        }
        Type::Tuple(tuple) => tuple.elems.iter().all(is_always_storable),
        _ => false,
    }
}

/// Returns `true` if a return type is spelt `Result<T, JobError>`. The compiler reports a missing
/// trait of such a `T` once, without further help.
pub(crate) fn is_job_result(ty: &Type) -> bool {
    let result = last_segment(ty).filter(|segment| segment.ident == "Result");
    let PathArguments::AngleBracketed(arguments) =
        result.map_or(&PathArguments::None, |s| &s.arguments)
    else {
        return false;
    };
    match arguments.args.iter().collect::<Vec<_>>().as_slice() {
        [_, GenericArgument::Type(error)] => {
            last_segment(error).is_some_and(|segment| segment.ident == "JobError")
        }
        _ => false,
    }
}

/// A part of a type that neither a payload nor a result can contain.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unstorable {
    /// `&'a str`
    Reference(Span),
    /// `Cow<'_, str>`
    Lifetime(Span),
    /// `impl Into<String>`
    ImplTrait(Span),
    /// `_`
    Inferred(Span),
    /// `Self`
    SelfType(Span),
    /// `dyn Error`, `str` or `[u8]` by value.
    Unsized,
}

/// Finds the first such part of a type.
pub(crate) fn find_unstorable(ty: &Type) -> Option<Unstorable> {
    let mut search = Search(None);
    search.visit_type(ty);
    search.0.or(is_unsized(ty).then_some(Unstorable::Unsized))
}

/// Returns `true` for `dyn Error`, `str` and `[u8]`.
pub(crate) fn is_unsized(ty: &Type) -> bool {
    match bare(ty) {
        Type::TraitObject(_) | Type::Slice(_) => true,
        other => last_segment(other).is_some_and(|segment| segment.ident == "str"),
    }
}

/// The `Self` in a type.
pub(crate) fn find_self(ty: &Type) -> Option<Span> {
    struct Find(Option<Span>);

    impl<'ast> Visit<'ast> for Find {
        fn visit_ident(&mut self, ident: &'ast Ident) {
            if ident == "Self" {
                self.0.get_or_insert(ident.span());
            }
        }
    }

    let mut find = Find(None);
    find.visit_type(ty);
    find.0
}

struct Search(Option<Unstorable>);

impl<'ast> Visit<'ast> for Search {
    fn visit_type(&mut self, ty: &'ast Type) {
        let found = match ty {
            Type::Reference(reference) => Unstorable::Reference(reference.and_token.span),
            Type::ImplTrait(it) => Unstorable::ImplTrait(it.impl_token.span),
            Type::Infer(it) => Unstorable::Inferred(it.underscore_token.span),
            // `fn(&str)` stores no reference.
            Type::FnPtr(_) => return,
            other => return visit::visit_type(self, other),
        };
        self.0.get_or_insert(found);
    }

    fn visit_ident(&mut self, ident: &'ast Ident) {
        if ident == "Self" {
            self.0.get_or_insert(Unstorable::SelfType(ident.span()));
        }
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.0.get_or_insert(Unstorable::Lifetime(lifetime.span()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        find_unstorable, first_argument, is_always_storable, is_job_result, last_segment, mentions,
    };
    use syn::parse_str;

    #[test]
    fn owned_types_are_storable() {
        for ty in ["String", "Vec<u8>", "Cow<'static, str>", "(u8, [u8; 4])"] {
            assert!(find_unstorable(&parse_str(ty).expect(ty)).is_none(), "{ty}");
        }
        for ty in [
            "&str",
            "Option<&'a str>",
            "Cow<'_, str>",
            "Vec<impl Copy>",
            "_",
            "Vec<Self>",
            "dyn Copy",
            "str",
            "[u8]",
        ] {
            assert!(find_unstorable(&parse_str(ty).expect(ty)).is_some(), "{ty}");
        }
    }

    #[test]
    fn always_storable_types() {
        for (ty, expected) in [
            ("String", true),
            ("Option<Vec<(u8, bool)>>", true),
            ("()", true),
            ("Option<Address>", false),
            ("Vec<(u8, Address)>", false),
            ("address::String", false),
            ("<Self as Post>::Address", false),
            ("[u8; 40]", false),
        ] {
            assert_eq!(
                is_always_storable(&parse_str(ty).expect(ty)),
                expected,
                "{ty}"
            );
        }
    }

    #[test]
    fn results_by_their_spelling() {
        for (ty, expected) in [
            ("Result<(), JobError>", true),
            ("std::result::Result<Vec<u8>, jobs::JobError>", true),
            ("Result<()>", false),
            ("Result<(), io::Error>", false),
            ("Answer<(), JobError>", false),
            ("Result", false),
            ("()", false),
        ] {
            assert_eq!(is_job_result(&parse_str(ty).expect(ty)), expected, "{ty}");
        }
    }

    #[test]
    fn names_in_types() {
        for (ty, expected) in [
            ("Order", true),
            ("&Order", true),
            ("Result<Vec<Order>, E>", true),
            ("shop::Order", false),
            ("Orders", false),
        ] {
            let order = parse_str("Order").expect("a name");
            assert_eq!(
                mentions(&parse_str(ty).expect(ty), &order),
                expected,
                "{ty}"
            );
        }
    }

    #[test]
    fn the_last_segment_and_its_first_type() {
        let ty = parse_str("std::io::Result<Arc<dyn Store>>").expect("a type");
        let segment = last_segment(&ty).expect("a path");
        assert_eq!(segment.ident, "Result");
        let first = first_argument(segment).and_then(last_segment);
        assert!(first.is_some_and(|segment| segment.ident == "Arc"));
    }
}
