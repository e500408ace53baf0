//! The payload struct: what an application writes down when it enqueues.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt as _;
use syn::{LitStr, Type, Visibility};

use super::assumptions;
use super::constructors::default_name;
use crate::docs::is_doc;
use crate::model::{Field, Job, Shape};

/// The struct.
pub(crate) fn payload(job: &Job) -> TokenStream {
    match &job.payload.shape {
        Shape::Fields(fields) => fields_struct(job, fields),
        Shape::Whole(ty) => whole_struct(job, ty),
    }
}

fn fields_struct(job: &Job, fields: &[Field]) -> TokenStream {
    let private = private(job);
    let cfgs = &job.cfgs;
    let docs = struct_docs(job);
    let derives = &job.payload.derives;
    let visibility = &job.payload.visibility;
    let name = &job.payload.name;

    let serde = crate_path(job, "serde");
    let words = container_words(job);
    let bound = assumptions::serde_bound(job);
    // Where assumptions are needed, a twin is described: schemars' derive takes none.
    let described = bound.is_none();
    let schema = described.then(|| quote!(, #private::JsonSchema));
    let schemars = crate_path(job, "schemars");
    let schemars = described.then(|| quote!(#[schemars(crate = #schemars)]));

    let fields = fields.iter().map(|field| {
        let ty = &field.ty;
        let field_name = &field.name;
        // An empty comment satisfies `missing_docs` and leaves the schema without a description.
        let undocumented = !field.attributes.iter().any(is_doc);
        let exported = !matches!(visibility, Visibility::Inherited);
        let no_docs = (undocumented && exported).then(|| quote!(#[doc = ""]));
        let attributes = field.attributes.iter();
        let attributes = attributes.filter(|a| described || !a.path().is_ident("schemars"));
        let default = serde_default(job, field);
        quote! {
            #no_docs
            #(#attributes)*
            #default
            #visibility #field_name: #ty,
        }
    });
    quote! {
        #(#cfgs)*
        #docs
        #[derive(#private::Serialize, #private::Deserialize #schema #(, #derives)*)]
        #[serde(crate = #serde #words #bound)]
        #schemars
        #visibility struct #name {
            #(#fields)*
        }
    }
}

/// A struct that only is to be described, under the assumptions that the payload rests on.
pub(super) fn twin(job: &Job, fields: &[Field]) -> TokenStream {
    let docs = struct_docs(job);
    let words = container_words(job);
    let schemars = crate_path(job, "schemars");
    let name = job.payload.name.unraw().to_string();
    let assumed = assumptions::of_fields(job);
    let fields = fields.iter().map(|field| {
        let Field {
            name,
            ty,
            attributes,
            ..
        } = field;
        let default = serde_default(job, field);
        quote! {
            #(#attributes)*
            #default
            #name: #ty,
        }
    });
    quote! {
        #docs
        #[derive(__private::JsonSchema)]
        #[schemars(crate = #schemars, rename = #name #words)]
        #[allow(dead_code)]
        struct __Described #assumed {
            #(#fields)*
        }
    }
}

/// `, rename_all = "…", deny_unknown_fields`
fn container_words(job: &Job) -> TokenStream {
    let rename_all = job.payload.rename_all.as_ref();
    let rename_all = rename_all.map(|rule| quote!(, rename_all = #rule));
    let deny_unknown = job.payload.deny_unknown;
    let deny_unknown = deny_unknown.then(|| quote!(, deny_unknown_fields));
    quote!(#rename_all #deny_unknown)
}

fn serde_default(job: &Job, field: &Field) -> Option<TokenStream> {
    field.default.as_ref().map(|_| {
        let path = format!("{}::{}", job.payload.name, default_name(&field.name));
        quote!(#[serde(default = #path)])
    })
}

/// A payload that exists already, in a struct of its own so that each job has its own type.
fn whole_struct(job: &Job, ty: &Type) -> TokenStream {
    let private = private(job);
    let cfgs = &job.cfgs;
    let docs = struct_docs(job);
    let derives = &job.payload.derives;
    let visibility = &job.payload.visibility;
    let name = &job.payload.name;
    let serde = crate_path(job, "serde");
    let bound = assumptions::serde_bound(job);
    let no_docs = (!matches!(visibility, Visibility::Inherited)).then(|| quote!(#[doc = ""]));
    quote! {
        #(#cfgs)*
        #docs
        #[derive(#private::Serialize, #private::Deserialize #(, #derives)*)]
        #[serde(crate = #serde, transparent #bound)]
        #visibility struct #name(#no_docs #visibility #ty);
    }
}

/// The function's docs, which the schema repeats, and which job this is the payload of.
fn struct_docs(job: &Job) -> TokenStream {
    let attributes = job.docs.attributes();
    let separator = (!job.docs.is_empty()).then(|| quote!(#[doc = ""]));
    let payload_of = format!(" The payload of the job `{}`.", job.id.value());
    quote! {
        #(#attributes)*
        #separator
        #[doc = #payload_of]
    }
}

/// The hidden module that expansions name.
fn private(job: &Job) -> TokenStream {
    let krate = &job.krate;
    quote!(#krate::__private)
}

/// The value of serde's and schemars' `crate = "…"`: users depend on neither.
fn crate_path(job: &Job, name: &str) -> LitStr {
    let private: String = private(job).to_string().split(' ').collect();
    LitStr::new(&format!("{private}::{name}"), Span::call_site())
}
