/// Processes an order.
pub(crate) async fn process_order(
    shop: &Shop,
    order: Order,
) -> Result<Receipt, ShopError> {
    shop.process(order).await
}

const _: () = {
    ::jobs::__private::payload_field::<Order>();
};

/// Processes an order.
///
/// The payload of the job `orders.process`.
#[derive(::jobs::__private::Serialize, ::jobs::__private::Deserialize)]
#[serde(crate = "::jobs::__private::serde", transparent)]
pub(crate) struct ProcessOrder(
    ///
    pub(crate) Order,
);

const _: () = {
    use ::jobs::__private;
    impl __private::JsonSchema for ProcessOrder {
        fn inline_schema() -> bool {
            <Order as __private::JsonSchema>::inline_schema()
        }
        fn schema_name() -> __private::Cow<'static, str> {
            <Order as __private::JsonSchema>::schema_name()
        }
        fn schema_id() -> __private::Cow<'static, str> {
            <Order as __private::JsonSchema>::schema_id()
        }
        fn json_schema(
            generator: &mut __private::schemars::SchemaGenerator,
        ) -> __private::schemars::Schema {
            <Order as __private::JsonSchema>::json_schema(generator)
        }
    }
    impl __private::Job for ProcessOrder {
        const ID: &'static str = "orders.process";
        type Output = __private::OutputOf<Result<Receipt, ShopError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .docs("Processes an order.")
            .resources(&[__private::ResourceRequest::of::<Shop>()])
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::open::<Self>(call)?;
                        let result = process_order(
                                __private::reference::<Shop>(&context)?,
                                payload.0,
                            )
                            .await;
                        __private::close::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit!(ProcessOrder);
};
