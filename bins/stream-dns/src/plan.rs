//! From the settings to each actor's own configuration.

use anyhow::Context;
use command_line::{ClientSettings, Credentials, LogTarget};
use event_consumer::{ConsumerConfig, JournalConfig, KafkaConfig, SaslConfig, SourceConfig, TlsConfig};
use event_producer::{Partitioning, ProducerConfig};
use settings::{LogFormat, Recursion, Secret, Settings, Target, on_this_machine};
use std::time::Duration;

/// Everything that the actors are told.
pub(crate) struct Plan {
    pub(crate) metrics: metric_agent::Config,
    pub(crate) resolver: Option<resolver_bridge::Config>,
    pub(crate) wire: dns_wire::WireConfig,
    pub(crate) store: zone_store::StoreConfig,
    pub(crate) consumer: ConsumerConfig,
    pub(crate) admin: admin_api::Config,
    /// What the client commands are told; its log is also the one that the node itself writes to.
    pub(crate) client: ClientSettings,
    pub(crate) shutdown: settings::Shutdown,
}

impl Plan {
    /// Makes the plan; nothing is opened or bound by it.
    ///
    /// # Errors
    /// What an actor cannot use of settings that are right in themselves.
    pub(crate) fn new(settings: &Settings) -> anyhow::Result<Self> {
        let topics = settings.kafka.topics.iter().map(|topic| kafka(&settings.kafka, topic));
        let journal =
            settings.journal.path.iter().map(|path| SourceConfig::Journal(JournalConfig::new(path)));
        let consumer =
            ConsumerConfig { sources: topics.chain(journal).collect(), ..ConsumerConfig::default() };
        consumer.validate()?;
        let metrics = metrics(&settings.metrics, settings.instance_id.clone());
        metrics.validate().context("metrics")?;
        let resolver = resolver(&settings.resolver);
        resolver.as_ref().map_or(Ok(()), resolver_bridge::Config::validate).context("resolver")?;
        let admin = admin(settings);
        admin.validate().context("admin")?;
        let sources: Vec<_> = consumer.sources.iter().map(SourceConfig::id).collect();
        let store = zone_store::StoreConfig {
            path: Some(settings.store.path.clone()),
            cache_bytes: settings.store.cache_mib << 20,
            zones: settings.dns.zone_names(),
            default_ttl: settings.dns.default_ttl,
            local: settings.dns.local_rrsets(),
            limits: settings.limits(sources.get(settings.kafka.topics.len())),
            sources,
            ..zone_store::StoreConfig::default()
        };
        let producer = ProducerConfig {
            partitioning: Partitioning::of(settings.kafka.publishes_by_key()),
            timeout_ms: settings.producer.timeout_ms,
            zones: store.zones.clone(),
            limits: store.limits.clone(),
            sources: store.sources.clone(),
            ..ProducerConfig::default()
        };
        producer.validate()?;
        let user = |own: admin_api::Credentials| Credentials { user: own.username, password: own.password };
        let client = ClientSettings {
            log: LogTarget::among(&consumer.sources, settings.producer.target == Target::Kafka)?,
            sources: consumer.sources.clone(),
            store: store.path.clone(),
            node: admin.addresses.first().map(ToString::to_string),
            credentials: admin.credentials.clone().map(user),
            zones: store.zones.clone(),
            default_ttl: store.default_ttl,
            producer,
        };
        let wire = wire(settings, resolver.is_some());
        let shutdown = settings.shutdown.clone();
        Ok(Self { metrics, resolver, wire, store, consumer, admin, client, shutdown })
    }
}

fn kafka(settings: &settings::Kafka, topic: &str) -> SourceConfig {
    let sasl = &settings.sasl;
    let settings::Tls { enabled, ca, cert, key } = settings.tls.clone();
    SourceConfig::Kafka(KafkaConfig {
        brokers: settings.brokers.clone(),
        topic: topic.to_owned(),
        sasl: sasl.enabled.then(|| SaslConfig {
            mechanism: sasl.mechanism.as_deref().and_then(|name| name.parse().ok()).unwrap_or_default(),
            user: sasl.user.clone().unwrap_or_default(),
            password: Secret::text(&sasl.password).unwrap_or_default(),
        }),
        tls: TlsConfig { enabled, ca, cert, key },
        incomplete: settings.incomplete_topics.iter().any(|own| own == topic),
        properties: settings.properties.clone(),
    })
}

fn metrics(own: &settings::Metrics, instance: Option<String>) -> metric_agent::Config {
    let statsd = own.statsd.address.clone().map(|address| metric_agent::StatsdConfig {
        address,
        prefix: own.statsd.prefix.clone().unwrap_or_default(),
        tags: own.statsd.tags,
        instance,
    });
    metric_agent::Config {
        flush_interval_ms: own.flush_interval_ms,
        mailbox: own.buffer_size,
        statsd,
        stdout: own.stdout.is_some(),
        stdout_json: own.stdout == Some(LogFormat::Json),
        ..metric_agent::Config::default()
    }
}

fn resolver(own: &settings::Resolver) -> Option<resolver_bridge::Config> {
    let config = || resolver_bridge::Config {
        servers: own.servers.iter().map(|server| (*server).into()).collect(),
        roots: own.roots.iter().map(|root| (*root).into()).collect(),
        port: own.port,
        allow_private_servers: own.allow_private_servers,
        timeout_ms: own.timeout_ms,
        cache_entries: own.cache_entries,
        ..resolver_bridge::Config::default()
    };
    matches!(own.mode, Some(Recursion::Forward | Recursion::Iterate)).then(config)
}

fn wire(settings: &Settings, recursion: bool) -> dns_wire::WireConfig {
    let own = &settings.dns;
    dns_wire::WireConfig {
        listen: on_this_machine(&own.listen),
        udp: own.udp,
        tcp: own.tcp,
        listeners: own.listeners,
        udp_payload: own.udp_payload,
        tcp_connections: own.tcp_connections,
        tcp_connections_per_client: own.tcp_connections_per_client,
        tcp_idle: Duration::from_millis(own.tcp_idle_ms),
        tcp_total: Duration::from_millis(own.tcp_total_ms),
        tcp_write: Duration::from_millis(own.tcp_write_ms),
        any_udp: dns_wire::AnyAnswer::of(own.any_udp == settings::Any::All),
        any_tcp: dns_wire::AnyAnswer::of(own.any_tcp == settings::Any::All),
        identity: dns_wire::Identity {
            nsid: octets(&own.nsid),
            version: octets(&own.chaos_version),
            hostname: octets(&own.chaos_hostname),
        },
        recursion: if recursion { settings.resolver.allow.clone() } else { Vec::new() },
        ..dns_wire::WireConfig::default()
    }
}

fn octets(text: &Option<String>) -> Vec<u8> {
    text.clone().unwrap_or_default().into_bytes()
}

fn admin(settings: &Settings) -> admin_api::Config {
    let own = &settings.admin;
    admin_api::Config {
        addresses: on_this_machine(&own.address),
        credentials: own.username.clone().map(|username| admin_api::Credentials {
            username,
            password: Secret::text(&own.password).unwrap_or_default(),
            jwt_secret: Secret::text(&own.jwt_secret),
        }),
        instance_id: settings.instance_id.clone(),
        fresh: admin_api::Freshness { in_step_ms: own.fresh_in_step_ms, lag_ms: own.fresh_lag_ms },
        ..admin_api::Config::default()
    }
}
