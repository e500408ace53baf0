async fn merge(
    store: &Store<Postgres>,
    pages: Vec<Page<Item, 10>>,
    order: Order,
) -> Answer<Page<<Store<Postgres> as Merging>::Item>> {
    store.merge(pages).await
}

const _: () = {
    ::jobs::__private::assert_payload_field::<Vec<Page<Item, 10>>>();
    ::jobs::__private::assert_payload_field::<Order>();
    ::jobs::__private::assert_handler_return::<
        Answer<Page<<Store<Postgres> as Merging>::Item>>,
    >();
};

/// The payload of the job `merge`.
#[derive(::jobs::__private::Serialize, ::jobs::__private::Deserialize)]
#[serde(
    crate = "::jobs::__private::serde",
    bound = "for<'x> Vec<Page<Item, 10>>: ::jobs::__private::PayloadBound<'x>, for<'x> Order: ::jobs::__private::PayloadBound<'x>"
)]
struct Merge {
    pages: Vec<Page<Item, 10>>,
    #[serde(default = "Merge::__default_order")]
    order: Order,
}

const _: () = {
    use ::jobs::__private;
    #[allow(dead_code)]
    impl Merge {
        /// A payload of the required fields; the others are at their defaults.
        #[must_use]
        fn new(pages: impl __private::IntoField<Vec<Page<Item, 10>>>) -> Self {
            Self {
                pages: __private::IntoField::into_field(pages),
                order: Self::__default_order(),
            }
        }
        /// Sets `order`, which has a default.
        #[must_use]
        fn order(mut self, order: impl __private::IntoField<Order>) -> Self {
            self.order = __private::IntoField::into_field(order);
            self
        }
        fn __default_order() -> Order {
            __private::default_of("order", || <Order as Default>::default())
        }
    }
    /// The payload of the job `merge`.
    #[derive(__private::JsonSchema)]
    #[schemars(crate = "::jobs::__private::schemars", rename = "Merge")]
    #[allow(dead_code)]
    struct __Described
    where
        for<'x> Vec<Page<Item, 10>>: __private::PayloadBound<'x>,
        for<'x> Order: __private::PayloadBound<'x>,
    {
        pages: Vec<Page<Item, 10>>,
        #[serde(default = "Merge::__default_order")]
        order: Order,
    }
    impl __private::JsonSchema for Merge
    where
        for<'x> Vec<Page<Item, 10>>: __private::PayloadBound<'x>,
        for<'x> Order: __private::PayloadBound<'x>,
    {
        __private::describe_as!(__Described);
    }
    impl __private::Job for Merge
    where
        for<'x> Vec<Page<Item, 10>>: __private::PayloadBound<'x>,
        for<'x> Order: __private::PayloadBound<'x>,
        for<'x> Answer<
            Page<<Store<Postgres> as Merging>::Item>,
        >: __private::HandlerReturnBound<'x>,
    {
        const ID: &'static str = "merge";
        type Output = __private::OutputOf<
            Answer<Page<<Store<Postgres> as Merging>::Item>>,
        >;
        const DEFINITION: &'static __private::JobDefinition = &__private::define!(Self)
            .resources(&[__private::ResourceRequest::of::<Store<Postgres>>()])
            .handler(
                __private::Handler::Async(|call| {
                    __private::boxed(async move {
                        let (context, payload) = __private::begin_attempt::<Self>(call)?;
                        let result = merge(
                                __private::borrow_argument::<Store<Postgres>>(&context)?,
                                payload.pages,
                                payload.order,
                            )
                            .await;
                        __private::finish_attempt::<
                            Self,
                        >(__private::HandlerReturn::into_result(result))
                    })
                }),
            );
    }
    __private::submit_bounded!(Merge);
};
