pub fn settings() -> Settings {
    Settings::default()
}

const _: () = {
    use ::jobs::__private;
    const __RESOURCE: __private::ResourceDefinition = __private::ResourceDefinition::new::<
        Settings,
    >(
        __private::source!(),
        |_| {
            __private::build_resource(async {
                let resource = settings();
                __private::Result::Ok(__private::Arc::new(resource))
            })
        },
    );
    __private::inventory::submit!(__RESOURCE);
};
