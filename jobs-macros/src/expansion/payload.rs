//! The payload struct, which an application fills in to enqueue.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt as _;
use syn::{LitStr, Type, Visibility};

use super::bounds;
use super::constructors::default_name;
use crate::model::{AcceptedJob, Field, Shape};
use crate::signature::docs::is_doc;

/// Generates the struct.
pub(crate) fn payload(job: &AcceptedJob) -> TokenStream {
    match &job.payload.shape {
        Shape::Fields(fields) => fields_struct(job, fields),
        Shape::Whole(ty) => whole_struct(job, ty),
    }
}

fn fields_struct(job: &AcceptedJob, fields: &[Field]) -> TokenStream {
    let private = private(job);
    let cfgs = &job.cfgs;
    let docs = struct_docs(job);
    let derives = &job.payload.derives;
    let visibility = &job.payload.visibility;
    let name = &job.payload.name;

    let serde = crate_path(job, "serde");
    let options = container_options(job);
    let bound = bounds::serde_bound(job);
    // schemars' derive takes no bounds. If there are any, `described_twin` has the derive instead.
    let derives_schema = bound.is_none();
    let schema = derives_schema.then(|| quote!(, #private::JsonSchema));
    let schemars = crate_path(job, "schemars");
    let schemars = derives_schema.then(|| quote!(#[schemars(crate = #schemars)]));

    let fields = fields.iter().map(|field| {
        let ty = &field.ty;
        let field_name = &field.name;
        // An empty comment satisfies `missing_docs` and leaves the schema without a description.
        let undocumented = !field.attributes.iter().any(is_doc);
        let exported = !matches!(visibility, Visibility::Inherited);
        let no_docs = (undocumented && exported).then(|| quote!(#[doc = ""]));
        let attributes = field.attributes.iter();
        let attributes = attributes.filter(|a| derives_schema || !a.path().is_ident("schemars"));
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
        #[serde(crate = #serde #options #bound)]
        #schemars
        #visibility struct #name {
            #(#fields)*
        }
    }
}

/// Generates a copy of the struct with the bounds on the struct itself. Only its schema is used.
pub(super) fn described_twin(job: &AcceptedJob, fields: &[Field]) -> TokenStream {
    let docs = struct_docs(job);
    let options = container_options(job);
    let schemars = crate_path(job, "schemars");
    let name = job.payload.name.unraw().to_string();
    let bounds = bounds::payload_clause(job);
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
        #[schemars(crate = #schemars, rename = #name #options)]
        #[allow(dead_code)]
        struct __Described #bounds {
            #(#fields)*
        }
    }
}

/// Generates `, rename_all = "…", deny_unknown_fields`.
fn container_options(job: &AcceptedJob) -> TokenStream {
    let rename_all = job.payload.rename_all.as_ref();
    let rename_all = rename_all.map(|rule| quote!(, rename_all = #rule));
    let deny_unknown = job.payload.deny_unknown;
    let deny_unknown = deny_unknown.then(|| quote!(, deny_unknown_fields));
    quote!(#rename_all #deny_unknown)
}

fn serde_default(job: &AcceptedJob, field: &Field) -> Option<TokenStream> {
    field.default.as_ref().map(|_| {
        let path = format!("{}::{}", job.payload.name, default_name(&field.name));
        quote!(#[serde(default = #path)])
    })
}

/// Generates the wrapper of an existing type. Jobs may share the type; each one has a wrapper.
fn whole_struct(job: &AcceptedJob, ty: &Type) -> TokenStream {
    let private = private(job);
    let cfgs = &job.cfgs;
    let docs = struct_docs(job);
    let derives = &job.payload.derives;
    let visibility = &job.payload.visibility;
    let name = &job.payload.name;
    let serde = crate_path(job, "serde");
    let bound = bounds::serde_bound(job);
    let no_docs = (!matches!(visibility, Visibility::Inherited)).then(|| quote!(#[doc = ""]));
    quote! {
        #(#cfgs)*
        #docs
        #[derive(#private::Serialize, #private::Deserialize #(, #derives)*)]
        #[serde(crate = #serde, transparent #bound)]
        #visibility struct #name(#no_docs #visibility #ty);
    }
}

/// Generates the docs: those of the function, and a line with the job's id.
fn struct_docs(job: &AcceptedJob) -> TokenStream {
    let attributes = job.docs.attributes();
    let separator = (!job.docs.is_empty()).then(|| quote!(#[doc = ""]));
    let payload_of = format!(" The payload of the job `{}`.", job.id.value());
    quote! {
        #(#attributes)*
        #separator
        #[doc = #payload_of]
    }
}

/// Returns the path of the hidden module that expansions refer to.
fn private(job: &AcceptedJob) -> TokenStream {
    let krate = &job.krate;
    quote!(#krate::__private)
}

/// Returns the value of serde's and schemars' `crate = "…"`: applications need neither crate.
fn crate_path(job: &AcceptedJob, name: &str) -> LitStr {
    let private: String = private(job).to_string().split(' ').collect();
    LitStr::new(&format!("{private}::{name}"), Span::call_site())
}
