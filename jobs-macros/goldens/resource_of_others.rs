async fn pool(settings: &Settings, tls: &dyn Tls) -> Result<Pool, sqlx::Error> {
    Pool::connect(&settings.url, tls).await
}

const _: () = {
    use ::jobs::__private;
    const __RESOURCE: __private::ResourceDefinition = __private::ResourceDefinition::new::<
        __private::ResourceOf<Result<Pool, sqlx::Error>>,
    >(
            __private::source!(),
            |resources| {
                __private::build_resource(async move {
                    let resource = __private::ResourceReturn::into_result(
                            pool(
                                    __private::borrow_resource::<Settings>(&resources)?,
                                    __private::borrow_resource::<dyn Tls>(&resources)?,
                                )
                                .await,
                        )
                        .map_err(__private::resource_error)?;
                    __private::Result::Ok(__private::Arc::new(resource))
                })
            },
        )
        .needs(
            &[
                __private::ResourceRequest::of::<Settings>(),
                __private::ResourceRequest::of::<dyn Tls>(),
            ],
        );
    __private::inventory::submit!(__RESOURCE);
};
