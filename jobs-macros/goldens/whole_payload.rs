/// Processes an order.
pub(crate) async fn process_order(
    shop: &Shop,
    order: Order,
) -> Result<Receipt, ShopError> {
    shop.process(order).await
}

const _: () = {
    ::jobs::__private::assert_payload_field::<Order>();
    ::jobs::__private::assert_handler_return::<Result<Receipt, ShopError>>();
};

/// Processes an order.
///
/// The payload of the job `orders.process`.
#[derive(::jobs::__private::Serialize, ::jobs::__private::Deserialize)]
#[serde(
    crate = "::jobs::__private::serde",
    transparent,
    bound = "for<'x> Order: ::jobs::__private::PayloadBound<'x>"
)]
pub(crate) struct ProcessOrder(pub(crate) Order);

const _: () = {
    use ::jobs::__private;
    impl __private::JsonSchema for ProcessOrder
    where
        for<'x> Order: __private::PayloadBound<'x>,
    {
        __private::describe_as!(Order);
    }
    impl __private::Job for ProcessOrder
    where
        for<'x> Order: __private::PayloadBound<'x>,
        for<'x> Result<Receipt, ShopError>: __private::HandlerReturnBound<'x>,
    {
        const ID: &'static str = "orders.process";
        type Output = __private::OutputOf<Result<Receipt, ShopError>>;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .docs("Processes an order.")
            .resources(&[__private::ResourceRequest::of::<Shop>()])
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = process_order(
                                __private::borrow_argument::<Shop>(&context)?,
                                payload.0,
                            )
                            .await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit_bounded!(ProcessOrder);
};
