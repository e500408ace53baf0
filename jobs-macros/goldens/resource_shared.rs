pub async fn greeter() -> anyhow::Result<Arc<dyn Greeter>> {
    Ok(Arc::new(Polite))
}

const _: () = {
    use ::jobs::__private;
    __private::inventory::submit! {
        __private::ResourceDefinition::new:: < dyn Greeter > (__private::source!(), || {
        __private::build_resource(async { let resource =
        __private::ResourceReturn::into_result(greeter(). await) ?;
        __private::Result::Ok(resource) }) })
    }
};
