pub fn settings() -> Settings {
    Settings::default()
}

const _: () = {
    use ::jobs::__private;
    __private::inventory::submit! {
        __private::ResourceDefinition::new:: < Settings > (__private::source!(), || {
        __private::build_resource(async { let resource = settings();
        __private::Result::Ok(__private::Arc::new(resource)) }) })
    }
};
