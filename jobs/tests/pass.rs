//! Programs that the compiler accepts, and what they do: one rule per file of `pass/`. The files of
//! `compile_fail/` show what it refuses.

#![allow(clippy::unwrap_used, reason = "an error fails the test")]
#![allow(dead_code, unused_imports, reason = "some jobs are only compiled")]

/// Compiles a file, and runs its `main` as a test.
macro_rules! programs {
    ($($(#[$attribute:meta])* $name:ident),* $(,)?) => {
        $($(#[$attribute])* mod $name;)*

        /// The catalogue of all files: their jobs do not disturb each other.
        mod run {$(
            #[test]
            fn $name() {
                super::$name::main();
            }
        )*}
    };
}

programs! {
    #[path = "pass/alias_of_a_sensitive_field.rs"]
    alias_of_a_sensitive_field,
    #[path = "pass/alias_of_an_option.rs"]
    alias_of_an_option,
    #[path = "pass/alias_with_default.rs"]
    alias_with_default,
    #[path = "pass/arguments_named_like_methods.rs"]
    arguments_named_like_methods,
    #[path = "pass/batch_of_builders.rs"]
    batch_of_builders,
    #[path = "pass/batch_of_several_jobs.rs"]
    batch_of_several_jobs,
    #[path = "pass/boxed_error.rs"]
    boxed_error,
    #[path = "pass/catch_all_of_a_tagged_enum.rs"]
    catch_all_of_a_tagged_enum,
    #[path = "pass/children_with_options.rs"]
    children_with_options,
    #[path = "pass/default_of_an_option.rs"]
    default_of_an_option,
    #[path = "pass/default_that_is_a_day.rs"]
    default_that_is_a_day,
    #[path = "pass/default_that_is_negative.rs"]
    default_that_is_negative,
    #[path = "pass/derived_default_obeys_the_attribute.rs"]
    derived_default_obeys_the_attribute,
    #[path = "pass/deserialiser_that_panics.rs"]
    deserialiser_that_panics,
    #[path = "pass/docs_with_a_heading.rs"]
    docs_with_a_heading,
    #[path = "pass/enum_with_other.rs"]
    enum_with_other,
    #[path = "pass/flattened_map.rs"]
    flattened_map,
    #[path = "pass/format_with_schema.rs"]
    format_with_schema,
    #[path = "pass/id_of_the_greatest_length.rs"]
    id_of_the_greatest_length,
    #[path = "pass/lints_of_the_function.rs"]
    #[deny(non_snake_case, deprecated)]
    lints_of_the_function,
    #[path = "pass/maps_with_keys_of_other_types.rs"]
    maps_with_keys_of_other_types,
    #[path = "pass/missing_field_of_a_flattened_struct.rs"]
    missing_field_of_a_flattened_struct,
    #[path = "pass/names_that_are_keywords.rs"]
    names_that_are_keywords,
    #[path = "pass/number_suffixes_of_rust.rs"]
    number_suffixes_of_rust,
    #[path = "pass/payload_of_another_name.rs"]
    payload_of_another_name,
    #[path = "pass/private_type_in_a_private_job.rs"]
    private_type_in_a_private_job,
    #[path = "pass/reader_of_an_option.rs"]
    reader_of_an_option,
    #[path = "pass/reader_points_at_the_field.rs"]
    reader_points_at_the_field,
    #[path = "pass/rename_in_both_directions.rs"]
    rename_in_both_directions,
    #[path = "pass/resource_as_a_trait_object.rs"]
    resource_as_a_trait_object,
    #[path = "pass/resource_of_resources.rs"]
    resource_of_resources,
    #[path = "pass/secret_in_the_refusal.rs"]
    secret_in_the_refusal,
    #[path = "pass/skipped_default.rs"]
    skipped_default,
    #[path = "pass/variant_with_alias.rs"]
    variant_with_alias,
    #[path = "pass/whole_payload.rs"]
    whole_payload,
    #[path = "pass/wide_numbers.rs"]
    wide_numbers,
}
