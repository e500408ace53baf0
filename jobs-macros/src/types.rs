//! What the shape of a type gives away. Shapes only: what a name stands for, nobody knows here.

use proc_macro2::Span;
use syn::visit::{self, Visit};
use syn::{GenericArgument, Lifetime, PathArguments, PathSegment, Type};

/// The type without parentheses and invisible groups around it.
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

/// Something in a type that the payload of a job cannot hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Obstacle {
    /// `&'a str`
    Reference(Span),
    /// `Cow<'_, str>`
    Lifetime(Span),
    /// `impl Into<String>`
    ImplTrait(Span),
    /// `_`
    Inferred(Span),
}

/// The first obstacle in a type.
pub(crate) fn obstacle(ty: &Type) -> Option<Obstacle> {
    let mut search = Search(None);
    search.visit_type(ty);
    search.0
}

struct Search(Option<Obstacle>);

impl<'ast> Visit<'ast> for Search {
    fn visit_type(&mut self, ty: &'ast Type) {
        let found = match ty {
            Type::Reference(reference) => Obstacle::Reference(reference.and_token.span),
            Type::ImplTrait(it) => Obstacle::ImplTrait(it.impl_token.span),
            Type::Infer(it) => Obstacle::Inferred(it.underscore_token.span),
            // Their lifetimes are their own: `fn(&str)` holds nothing.
            Type::FnPtr(_) => return,
            other => return visit::visit_type(self, other),
        };
        self.0.get_or_insert(found);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.0.get_or_insert(Obstacle::Lifetime(lifetime.span()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{first_argument, last_segment, obstacle};
    use syn::parse_str;

    #[test]
    fn owned_types_have_no_obstacle() {
        for ty in ["String", "Vec<u8>", "Cow<'static, str>", "(u8, [u8; 4])"] {
            assert!(obstacle(&parse_str(ty).expect(ty)).is_none(), "{ty}");
        }
        for ty in [
            "&str",
            "Option<&'a str>",
            "Cow<'_, str>",
            "Vec<impl Copy>",
            "_",
        ] {
            assert!(obstacle(&parse_str(ty).expect(ty)).is_some(), "{ty}");
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
