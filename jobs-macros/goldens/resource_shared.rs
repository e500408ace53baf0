pub async fn greeter() -> anyhow::Result<Arc<dyn Greeter>> {
    Ok(Arc::new(Polite))
}

const _: () = {
    use ::jobs::__private;
    const __RESOURCE: __private::ResourceDefinition = __private::ResourceDefinition::new::<
        dyn Greeter,
    >(
        __private::source!(),
        |_| {
            __private::build_resource(async {
                let resource = __private::ResourceReturn::into_result(greeter().await)
                    .map_err(__private::resource_error)?;
                __private::Result::Ok(resource)
            })
        },
    );
    __private::inventory::submit!(__RESOURCE);
};
