//! A collector that takes OTLP over gRPC and HTTP, on the protocol's own crates.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::logs::v1 as logs;
use opentelemetry_proto::tonic::collector::metrics::v1 as metrics;
use opentelemetry_proto::tonic::collector::trace::v1 as traces;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tonic::transport::server::{Server, TcpIncoming};
use tonic::{Request, Response, Status};

/// The protocol by which programs reach the collector.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Protocol {
    Http,
    Grpc,
}

/// The way in which the collector treats requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Behaviour {
    Takes,
    Refuses,
    /// Never answers.
    Hangs,
    /// Answers after two seconds.
    IsSlow,
}

/// The telemetry that the collector has taken.
#[derive(Default)]
pub(crate) struct Taken {
    /// The spans, each with the name of its service.
    pub(crate) spans: Vec<(String, Span)>,
    pub(crate) records: Vec<LogRecord>,
    /// The last state of each metric.
    pub(crate) metrics: BTreeMap<String, Metric>,
}

/// A running collector. Its threads live as long as the test process.
#[derive(Clone)]
pub(crate) struct Collector {
    http: SocketAddr,
    grpc: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    taken: Mutex<Taken>,
    behaviour: AtomicU8,
}

impl Collector {
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        let shared = Arc::new(Shared {
            taken: Mutex::default(),
            behaviour: AtomicU8::new(behaviour as u8),
        });
        let (ready, addresses) = std::sync::mpsc::channel();
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async move {
                let any = "127.0.0.1:0";
                let http = tokio::net::TcpListener::bind(any).await.unwrap();
                let grpc = TcpIncoming::bind(any.parse().unwrap()).unwrap();
                let addresses = (http.local_addr().unwrap(), grpc.local_addr().unwrap());
                ready.send(addresses).unwrap();
                let router = Router::new()
                    .route("/v1/traces", post(take_traces))
                    .route("/v1/logs", post(take_logs))
                    .route("/v1/metrics", post(take_metrics))
                    .with_state(Arc::clone(&served));
                let service = Service(served);
                let grpc = Server::builder()
                    .add_service(traces::trace_service_server::TraceServiceServer::new(
                        service.clone(),
                    ))
                    .add_service(logs::logs_service_server::LogsServiceServer::new(
                        service.clone(),
                    ))
                    .add_service(metrics::metrics_service_server::MetricsServiceServer::new(
                        service,
                    ))
                    .serve_with_incoming(grpc);
                let (http, grpc) = tokio::join!(axum::serve(http, router).into_future(), grpc);
                http.unwrap();
                grpc.unwrap();
            });
        });
        let (http, grpc) = addresses.recv().unwrap();
        Self { http, grpc, shared }
    }

    /// The variables of a program that exports to this collector.
    pub(crate) fn variables(&self, protocol: Protocol, service: &str) -> Vec<(String, String)> {
        let name = match protocol {
            Protocol::Http => "http/protobuf",
            Protocol::Grpc => "grpc",
        };
        let address = self.address(protocol);
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}")),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", name.to_owned()),
            ("OTEL_SERVICE_NAME", service.to_owned()),
            ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
            ("OTEL_BLRP_SCHEDULE_DELAY", "100".to_owned()),
            ("OTEL_METRIC_EXPORT_INTERVAL", "500".to_owned()),
        ];
        let variables = variables.into_iter();
        variables
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// The address by a protocol.
    pub(crate) fn address(&self, protocol: Protocol) -> SocketAddr {
        match protocol {
            Protocol::Http => self.http,
            Protocol::Grpc => self.grpc,
        }
    }

    pub(crate) fn taken(&self) -> MutexGuard<'_, Taken> {
        self.shared
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Acts as the test has chosen. An error refuses the request.
    async fn receive(&self, take: impl FnOnce(&mut Taken)) -> Result<(), ()> {
        let behaviour = self.behaviour.load(Ordering::Relaxed);
        if behaviour == Behaviour::Refuses as u8 {
            return Err(());
        }
        if behaviour == Behaviour::Hangs as u8 {
            std::future::pending::<()>().await;
        }
        if behaviour == Behaviour::IsSlow as u8 {
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        }
        take(&mut self.taken.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    async fn traces(&self, request: traces::ExportTraceServiceRequest) -> Result<(), ()> {
        self.receive(|taken| {
            for group in request.resource_spans {
                let resource = group.resource.unwrap_or_default();
                let service = attribute(&resource.attributes, "service.name").unwrap_or_default();
                let spans = group.scope_spans.into_iter().flat_map(|scope| scope.spans);
                taken
                    .spans
                    .extend(spans.map(|span| (service.clone(), span)));
            }
        })
        .await
    }

    async fn logs(&self, request: logs::ExportLogsServiceRequest) -> Result<(), ()> {
        self.receive(|taken| {
            let groups = request.resource_logs.into_iter();
            let scopes = groups.flat_map(|group| group.scope_logs);
            taken
                .records
                .extend(scopes.flat_map(|scope| scope.log_records));
        })
        .await
    }

    async fn metrics(&self, request: metrics::ExportMetricsServiceRequest) -> Result<(), ()> {
        self.receive(|taken| {
            let groups = request.resource_metrics.into_iter();
            let scopes = groups.flat_map(|group| group.scope_metrics);
            for metric in scopes.flat_map(|scope| scope.metrics) {
                taken.metrics.insert(metric.name.clone(), metric);
            }
        })
        .await
    }
}

async fn take_traces(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    status(shared.traces(Message::decode(body).unwrap()).await)
}

async fn take_logs(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    status(shared.logs(Message::decode(body).unwrap()).await)
}

async fn take_metrics(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    status(shared.metrics(Message::decode(body).unwrap()).await)
}

fn status(received: Result<(), ()>) -> StatusCode {
    match received {
        Ok(()) => StatusCode::OK,
        Err(()) => StatusCode::FORBIDDEN,
    }
}

/// The services of gRPC.
#[derive(Clone)]
struct Service(Arc<Shared>);

fn response<T: Default>(received: Result<(), ()>) -> Result<Response<T>, Status> {
    match received {
        Ok(()) => Ok(Response::new(T::default())),
        Err(()) => Err(Status::permission_denied("not wanted")),
    }
}

#[tonic::async_trait]
impl traces::trace_service_server::TraceService for Service {
    async fn export(
        &self,
        request: Request<traces::ExportTraceServiceRequest>,
    ) -> Result<Response<traces::ExportTraceServiceResponse>, Status> {
        response(self.0.traces(request.into_inner()).await)
    }
}

#[tonic::async_trait]
impl logs::logs_service_server::LogsService for Service {
    async fn export(
        &self,
        request: Request<logs::ExportLogsServiceRequest>,
    ) -> Result<Response<logs::ExportLogsServiceResponse>, Status> {
        response(self.0.logs(request.into_inner()).await)
    }
}

#[tonic::async_trait]
impl metrics::metrics_service_server::MetricsService for Service {
    async fn export(
        &self,
        request: Request<metrics::ExportMetricsServiceRequest>,
    ) -> Result<Response<metrics::ExportMetricsServiceResponse>, Status> {
        response(self.0.metrics(request.into_inner()).await)
    }
}

/// The value of an attribute, as text.
pub(crate) fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|one| one.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        Value::BoolValue(flag) => Some(flag.to_string()),
        _ => Some(String::new()),
    }
}
