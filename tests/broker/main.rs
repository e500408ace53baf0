//! Dispatch through RabbitMQ: worker processes, a real node and a real store, under outages.

#![allow(clippy::unwrap_used, reason = "a test fails where its assumption does")]

mod amqp;
mod fleet;

mod dead_letters;
mod deliveries;
mod outages;
mod python;
mod throughput;
mod topology;
